import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventOf, startFakeKubernetes, type FakeKubernetes } from "../../support/fake-kubernetes.ts";
import type { StoredObject } from "../../support/fake-objects.ts";
import { followSecret, secret, type Followed } from "../../support/followed.ts";
import { until } from "../../support/gateway.ts";
import { beDeaf, cutConnection, holdEvents, neverAnswer, refuse, sayAgain } from "../../support/kube-faults.ts";

const WATCHES = { verb: "watch", resource: "secrets" } as const;
const LISTS = { verb: "list", resource: "secrets" } as const;
const GETS = { verb: "get", resource: "secrets" } as const;

let fake: FakeKubernetes;
const closing: Followed[] = [];
beforeEach(async () => {
  fake = await startFakeKubernetes();
});
afterEach(async () => {
  for (const followed of closing.splice(0)) followed.close();
  await fake.close();
});

function follow(...options: Parameters<typeof followSecret> extends [unknown, ...infer Rest] ? Rest : never): Followed {
  const followed = followSecret(fake, ...options);
  closing.push(followed);
  return followed;
}
const put = (v: string, name = "keys"): StoredObject => fake.put("secrets", name, secret(v));
const watching = (): Promise<number> =>
  until(
    () => fake.watches,
    (count) => count === 1,
  );
const pause = (ms: number): Promise<void> => new Promise((over) => setTimeout(over, ms));

describe("an object that is followed", () => {
  it("is told as it stands, whenever it changes, vanishes and comes back", async () => {
    put("1");
    const followed = follow({ askMs: 60_000 });
    await followed.tells("1");
    await watching();
    put("2");
    await followed.tells("2");
    fake.remove("secrets", "keys");
    await followed.tells("object_not_found");
    put("3");
    await followed.tells("3");
    put("of another", "another");
    put("4");
    await followed.tells("4");
    expect(followed.told).toEqual(["1", "2", "object_not_found", "3", "4"]);
    expect([fake.count("list", "secrets"), fake.count("watch", "secrets"), fake.count("get", "secrets")]).toEqual([
      1, 1, 0,
    ]);
  });

  it("is asked for by its name alone, for a Role names it", async () => {
    put("1");
    const followed = follow();
    await followed.tells("1");
    await until(
      () => fake.count("get", "secrets"),
      (count) => count > 0,
    );
    const [list, watch] = fake.calls;
    expect(list?.query).toEqual({ fieldSelector: "metadata.name=keys" });
    expect(watch?.query).toEqual({
      fieldSelector: "metadata.name=keys",
      watch: "1",
      resourceVersion: String(fake.objects.version),
      allowWatchBookmarks: "true",
      timeoutSeconds: "360",
    });
    expect(fake.calls[2]).toMatchObject({ verb: "get", name: "keys", isMetadataOnly: true });
  });

  it("is confirmed by bookmarks and by asking", async () => {
    put("1");
    const followed = follow({ askMs: 60_000 });
    await watching();
    fake.bookmark();
    await until(
      () => followed.confirmed,
      (count) => count === 1,
    );
    const asked = follow({ askMs: 10 });
    await until(
      () => asked.confirmed,
      (count) => count >= 3,
    );
    expect([followed.told, asked.told]).toEqual([["1"], ["1"]]);
  });

  it("that is not there is told so, and told when it appears", async () => {
    const followed = follow({ askMs: 60_000 });
    await followed.tells("object_not_found");
    await watching();
    put("1");
    await followed.tells("1");
    expect(followed.sightings[0]).toMatchObject({
      ok: false,
      error: { kind: "not-found", message: "Secret mcp/keys does not exist" },
    });
  });

  it.each([
    { what: "changed", act: () => put("2"), tells: "2" },
    { what: "vanished", act: () => fake.remove("secrets", "keys"), tells: "object_not_found" },
  ])("that $what under a deaf watch is found by asking, and watched anew", async ({ act, tells }) => {
    put("1");
    fake.inject(WATCHES, beDeaf());
    const followed = follow();
    await watching();
    act();
    await followed.tells(tells);
    await until(
      () => fake.count("watch", "secrets"),
      (count) => count === 2,
    );
    put("3");
    await followed.tells("3");
    expect(followed.told).toEqual(["1", tells, "3"]);
    fake.settle();
  });

  it("is watched anew when a watch says nothing for too long", async () => {
    put("1");
    const end = fake.inject(WATCHES, beDeaf(), Infinity);
    const followed = follow({ askMs: 60_000, idleMs: 50 });
    await until(
      () => fake.count("watch", "secrets"),
      (count) => count >= 3,
    );
    end();
    await until(
      () => fake.count("list", "secrets") > 3 && fake.watches === 1,
      (isSo) => isSo,
    );
    expect(followed.told).toEqual(["1"]);
  });

  it("is watched anew when a watch is never answered", async () => {
    put("1");
    fake.inject(WATCHES, neverAnswer());
    const followed = follow({ askMs: 60_000, idleMs: 50 });
    await until(
      () => fake.count("watch", "secrets"),
      (count) => count >= 2,
    );
    put("2");
    await followed.tells("2");
    expect(followed.told).toEqual(["1", "2"]);
    fake.settle();
  });
});

describe("what is older than what was told", () => {
  it.each(["MODIFIED", "ADDED"])("is left out when a watch says it (%s)", async (type) => {
    const older = put("1");
    const followed = follow({ askMs: 60_000 });
    await watching();
    put("2");
    await followed.tells("2");
    fake.say("secrets", eventOf(type, older).trim());
    put("3");
    await followed.tells("3");
    expect(followed.told).toEqual(["1", "2", "3"]);
  });

  it("is left out when it is of an object that was deleted since", async () => {
    const first = put("1");
    const changed = put("2");
    const followed = follow({ askMs: 60_000 });
    await watching();
    fake.remove("secrets", "keys");
    await followed.tells("object_not_found");
    fake.say("secrets", eventOf("MODIFIED", changed).trim());
    put("3");
    await followed.tells("3");
    fake.say("secrets", eventOf("MODIFIED", changed).trim());
    fake.say("secrets", eventOf("DELETED", first).trim());
    put("4");
    await followed.tells("4");
    expect(followed.told).toEqual(["2", "object_not_found", "3", "4"]);
  });

  it("is left out when a slow watch tells it after asking found the newer", async () => {
    put("1");
    const { fault, release } = holdEvents();
    fake.inject(WATCHES, fault);
    const followed = follow();
    await watching();
    put("2");
    fake.remove("secrets", "keys");
    put("3");
    await followed.tells("3");
    release();
    await pause(50);
    expect(followed.told).toEqual(["1", "3"]);
    fake.settle();
  });

  it("is left out when a list says it, until a list says better", async () => {
    put("1");
    const stale = fake.look("list", "secrets", "keys");
    const followed = follow({ askMs: 60_000 });
    await watching();
    put("2");
    await followed.tells("2");
    fake.inject(LISTS, sayAgain(stale), 2);
    fake.endWatches("end");
    await until(
      () => fake.count("watch", "secrets"),
      (count) => count === 2,
    );
    put("3");
    await followed.tells("3");
    expect(followed.told).toEqual(["1", "2", "3"]);
    expect(fake.count("list", "secrets")).toBe(4);
    fake.settle();
  });

  it("is left out when a list still knows what was deleted", async () => {
    put("1");
    const stale = fake.look("list", "secrets", "keys");
    const followed = follow({ askMs: 60_000 });
    await watching();
    fake.remove("secrets", "keys");
    await followed.tells("object_not_found");
    fake.inject(LISTS, sayAgain(stale));
    fake.endWatches("cut");
    await until(
      () => fake.count("watch", "secrets"),
      (count) => count === 2,
    );
    expect(followed.told).toEqual(["1", "object_not_found"]);
    fake.settle();
  });

  it("is left out when asking says it", async () => {
    put("1");
    const stale = fake.look("get", "secrets", "keys");
    const followed = follow();
    await watching();
    put("2");
    await followed.tells("2");
    fake.inject(GETS, sayAgain(stale), 4);
    await until(
      () => fake.count("get", "secrets"),
      (count) => count >= 6,
    );
    expect(followed.told).toEqual(["1", "2"]);
    fake.settle();
  });

  it("is believed when nothing newer comes: the cluster was restored from a backup", async () => {
    put("1");
    const stale = fake.look("list", "secrets", "keys");
    const object = fake.look("get", "secrets", "keys");
    const followed = follow();
    await watching();
    put("2");
    await followed.tells("2");
    fake.inject(LISTS, sayAgain(stale), Infinity);
    fake.inject(GETS, sayAgain(object), Infinity);
    fake.inject(WATCHES, beDeaf(), Infinity);
    fake.endWatches("cut");
    await followed.tells("1");
    expect(followed.told.filter((what) => what !== "kube_stale")).toEqual(["1", "2", "1"]);
  });
});

describe("silence", () => {
  it.each([
    { what: "refuses connections", fault: cutConnection(), code: "kube_unreachable" },
    { what: "never answers", fault: neverAnswer(), code: "kube_timeout" },
    { what: "fails", fault: refuse(500), code: "kube_failing" },
    { what: "throttles", fault: refuse(429), code: "kube_throttled" },
    { what: "refuses the credentials", fault: refuse(401), code: "kube_credentials_refused" },
    { what: "refuses the right", fault: refuse(403), code: "kube_forbidden" },
  ])("of a server that $what is told once, with the time since when, and so is its end", async ({ fault, code }) => {
    put("1");
    const followed = follow();
    await watching();
    const heardAt = performance.now();
    const end = fake.inject({}, fault, Infinity);
    fake.endWatches("cut");
    await followed.tells(code);
    const [, silence] = followed.sightings;
    const since = silence?.ok === false ? silence.since : NaN;
    expect(since).toBeGreaterThan(heardAt - 250);
    expect(since).toBeLessThanOrEqual(performance.now() - 300);
    put("2");
    await pause(200);
    expect(followed.told).toEqual(["1", code]);
    end();
    await followed.tells("2");
    expect(followed.told).toEqual(["1", code, "2"]);
    expect(followed.faults).toEqual([]);
    fake.settle();
  });

  it("is told at once to whoever never heard of the object", async () => {
    put("1");
    const end = fake.inject({}, refuse(403), Infinity);
    const followed = follow({ silenceMs: 60_000 });
    await followed.tells("kube_forbidden");
    end();
    await followed.tells("1");
    expect(followed.told).toEqual(["kube_forbidden", "1"]);
  });

  it("that is short is no news", async () => {
    put("1");
    const followed = follow({ askMs: 20 });
    await watching();
    fake.inject({}, refuse(500), 3);
    fake.endWatches("cut");
    await until(
      () => fake.count("watch", "secrets"),
      (count) => count >= 2,
    );
    expect(followed.told).toEqual(["1"]);
    fake.settle();
  });

  it("ends with the same object told again", async () => {
    put("1");
    const followed = follow();
    await watching();
    const end = fake.inject(GETS, refuse(500), Infinity);
    await followed.tells("kube_failing");
    end();
    await followed.tells("1");
    expect(followed.told).toEqual(["1", "kube_failing", "1"]);
  });

  it("of an object that is not there ends with that told again", async () => {
    const followed = follow();
    await watching();
    const end = fake.inject({}, cutConnection(), Infinity);
    await followed.tells("kube_unreachable");
    end();
    await followed.tells("object_not_found");
    expect(followed.told).toEqual(["object_not_found", "kube_unreachable", "object_not_found"]);
  });
});
