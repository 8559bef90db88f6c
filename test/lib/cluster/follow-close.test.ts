import { afterEach, beforeEach, expect, it } from "vitest";
import { followObject, type ObjectFollower } from "../../../src/lib/cluster/follow-object.ts";
import type { KubeApi } from "../../../src/lib/cluster/kube-api.ts";
import { startFakeKubernetes, type FakeKubernetes } from "../../support/fake-kubernetes.ts";
import { secret, SHORT } from "../../support/followed.ts";
import { until } from "../../support/gateway.ts";
import { cutConnection, neverAnswer } from "../../support/kube-faults.ts";

let fake: FakeKubernetes;
let api: KubeApi;
let heard: number;
beforeEach(async () => {
  fake = await startFakeKubernetes();
  fake.put("secrets", "keys", secret("1"));
  api = fake.api({ timeoutMs: 60_000 });
  heard = 0;
});
afterEach(() => fake.close());

const follow = (): ObjectFollower =>
  followObject({
    api,
    ref: { resource: "secrets", namespace: "mcp", name: "keys" },
    times: SHORT,
    monotonic: () => performance.now(),
    random: () => 0.5,
    onSighting: () => (heard += 1),
    onConfirmed: () => (heard += 1),
    onFault: () => (heard += 1),
  });
const seen = (verb: "list" | "watch" | "get"): Promise<number> =>
  until(
    () => fake.count(verb, "secrets"),
    (count) => count > 0,
  );
const connections = (): number => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;

it.each(["list", "watch", "get"] as const)(
  "closing while a %s is under way ends it, and nothing is told or asked any more",
  async (verb) => {
    const before = connections();
    fake.inject({ verb }, neverAnswer());
    const follower = follow();
    await seen(verb);
    follower.close();
    api.close();
    const [told, asked] = [heard, fake.calls.length];
    await until(connections, (count) => count === before);
    fake.put("secrets", "keys", secret("2"));
    await new Promise((over) => setTimeout(over, 300));
    expect([heard, fake.calls.length]).toEqual([told, asked]);
    fake.settle();
  },
);

it("closing alone lets an answer that is under way tell nothing", async () => {
  let answer: () => void = () => undefined;
  fake.inject({ verb: "list" }, (_call, forward) => (response) => {
    answer = () => response.end(JSON.stringify(forward().body));
  });
  const follower = follow();
  await seen("list");
  follower.close();
  answer();
  await new Promise((over) => setTimeout(over, 200));
  expect([heard, fake.calls.length]).toEqual([0, 1]);
});

it("closing between two tries asks no more", async () => {
  fake.inject({}, cutConnection(), Infinity);
  const follower = follow();
  await until(
    () => fake.calls.length,
    (count) => count >= 2,
  );
  follower.close();
  const asked = fake.calls.length;
  await new Promise((over) => setTimeout(over, 200));
  expect(fake.calls.length - asked).toBeLessThanOrEqual(1);
});

it("closing before the first answer resolves `ready`", async () => {
  fake.inject({ verb: "list" }, neverAnswer());
  const follower = follow();
  follower.close();
  expect(await follower.ready).toBeUndefined();
});
