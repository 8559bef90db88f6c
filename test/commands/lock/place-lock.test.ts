import { expect, it } from "vitest";
import { placeLock } from "../../../src/commands/lock/place-lock.ts";
import { denylistMap } from "../../../src/lib/cluster/denylist-map.ts";
import { startFakeKubernetes } from "../../support/fake-kubernetes.ts";
import { NOW } from "../../support/run-cli.ts";

it("a lock whose write got no answer is not taken for an older one", async () => {
  await using cluster = { fake: await startFakeKubernetes(), [Symbol.asyncDispose]: () => cluster.fake.close() };
  cluster.fake.put("configmaps", "locks", { data: { "denylist.json": '{"locks": []}' } });
  cluster.fake.inject({ verb: "patch", resource: "configmaps" }, (_, forward) => (forward(), "cut"));
  const api = cluster.fake.api({ patienceMs: 5_000 });
  const denylist = denylistMap(api, { resource: "configmaps", namespace: "mcp", name: "locks" });
  const target = { target: "user", value: "thief" } as const;
  const wanted = { target, reason: "test", until: null, tell: false, revokes: true };
  const ports = { author: "tester", now: () => NOW };
  const first = await placeLock(denylist, wanted, ports);
  expect(first.isOld).toBe(false);
  expect(await placeLock(denylist, wanted, ports)).toMatchObject({ isOld: true, lock: { id: first.lock.id } });
});
