import { describe, expect, it } from "vitest";
import { FOLLOW_TIMES } from "../../../src/lib/cluster/follow-object.ts";
import { startFakeKubernetes, type Fault, type Match } from "../../support/fake-kubernetes.ts";
import { followSecret, secret } from "../../support/followed.ts";
import { cutConnection, endAtOnce, endWith, refuse, say } from "../../support/kube-faults.ts";

const SECONDS = 3;
const WATCH: Match = { verb: "watch" };
const LIST: Match = { verb: "list" };

describe.concurrent("a follower in its ordinary times sends no more than a few requests a second", () => {
  it.each<{ readonly what: string; readonly match: Match; readonly fault: Fault }>([
    { what: "watches are gone at once (a status)", match: WATCH, fault: refuse(410, "Expired") },
    { what: "watches are gone at once (an event)", match: WATCH, fault: endWith() },
    { what: "watches end at once", match: WATCH, fault: endAtOnce() },
    { what: "watches fail", match: WATCH, fault: refuse(500) },
    { what: "watches are throttled", match: WATCH, fault: refuse(429) },
    { what: "watches are cut", match: WATCH, fault: cutConnection() },
    { what: "watches are no JSON", match: WATCH, fault: say("<html>\n") },
    { what: "lists fail", match: LIST, fault: refuse(500) },
    { what: "lists are gone", match: LIST, fault: refuse(410, "Expired") },
    { what: "lists are cut", match: LIST, fault: cutConnection() },
    { what: "everything fails", match: {}, fault: refuse(500) },
  ])("while $what", async ({ match, fault }) => {
    const fake = await startFakeKubernetes();
    fake.put("secrets", "keys", secret("1"));
    fake.inject(match, fault, Infinity);
    const followed = followSecret(fake, FOLLOW_TIMES);
    await new Promise((over) => setTimeout(over, SECONDS * 1_000));
    const sent = fake.calls.length;
    followed.close();
    await fake.close();
    expect(sent).toBeGreaterThanOrEqual(4);
    expect(sent).toBeLessThanOrEqual(4 * SECONDS);
  });

  it("while a healthy watch says nothing, one for each time it asks", async () => {
    const fake = await startFakeKubernetes();
    fake.put("secrets", "keys", secret("1"));
    const followed = followSecret(fake, { ...FOLLOW_TIMES, askMs: 500 });
    await new Promise((over) => setTimeout(over, SECONDS * 1_000));
    const counts = (["list", "watch", "get"] as const).map((verb) => fake.count(verb, "secrets"));
    followed.close();
    await fake.close();
    expect(counts.slice(0, 2)).toEqual([1, 1]);
    expect(counts[2]).toBeGreaterThanOrEqual(3);
    expect(counts[2]).toBeLessThanOrEqual(6);
    expect(followed.told).toEqual(["1"]);
  });
});
