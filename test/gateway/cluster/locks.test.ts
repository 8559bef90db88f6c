import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mintKey } from "../../../src/lib/keys/key.ts";
import {
  base64,
  goAway,
  LIMIT_SECONDS,
  lockOn,
  now,
  putKeys,
  putLocks,
  startClusterGateway,
  type ClusterGateway,
} from "../../support/cluster-gateway.ts";
import type { FakeKubernetes } from "../../support/fake-kubernetes.ts";
import { NO_LOCKS } from "../../support/gateway.ts";
import { beDeaf, refuse, sayAgain } from "../../support/kube-faults.ts";

const [ALICE, BOB] = [mintKey(randomBytes), mintKey(randomBytes)];
const KEYS = { [`dev.${ALICE.hash}`]: "dev/alice", [`ops.${BOB.hash}`]: "ops/bob" };
const ON_ALICE = lockOn({ user: "alice" });
const REMOVED = '{"locks":[],"removed":[{"id":"lock_1","by":"me","at":"2026-01-01T00:00:00Z"}]}';

let cluster: ClusterGateway;
beforeEach(async () => {
  cluster = await startClusterGateway((fake) => putKeys(fake, KEYS));
});
afterEach(() => cluster.close());

const locks = { resource: "configmaps", name: "locks" } as const;
const statuses = async (): Promise<readonly number[]> => Promise.all([ALICE, BOB].map((key) => cluster.status(key)));
const lock = async (): Promise<void> => {
  putLocks(cluster.fake, ON_ALICE);
  await cluster.becomes(ALICE, 401);
};
/** Resolves once everything that was put is what the gateway has read. */
const read = async (problem: RegExp | null): Promise<void> => {
  const version = String(cluster.fake.objects.version);
  while ((await cluster.says("locks", problem)).resource_version !== version);
};

describe("locks in a ConfigMap", () => {
  it("refuse at once, cut what is open, and end by their removal", async () => {
    const { fake, stream, gateway } = cluster;
    const [mine, others] = [await stream(ALICE), await stream(BOB)];
    putLocks(fake, ON_ALICE);
    expect(await mine.cut).toBe(true);
    expect(await statuses()).toEqual([401, 200]);
    expect((await gateway.waitForRecords(2))[0]).toMatchObject({ reason: "user_locked", user: "alice" });
    putLocks(fake, REMOVED);
    await cluster.becomes(ALICE, 200);
    expect(await Promise.race([others.cut, Promise.resolve("open")])).toBe("open");
  });

  it("that are replaced by others again and again refuse every call before they fill the memory", async () => {
    const many = (from: number): string =>
      JSON.stringify({
        locks: Array.from({ length: 7_000 }, (_, index) => ({
          ...(JSON.parse(ON_ALICE) as { locks: object[] }).locks[0],
          id: `lock_${from + index}`,
        })),
      });
    for (const from of [0, 7_000]) {
      putLocks(cluster.fake, many(from));
      await read(from === 0 ? null : /7000 locks vanished without being removed \(lock_0, lock_1, .*, \.\.\.\)/);
    }
    expect(await statuses()).toEqual([401, 200]);
    putLocks(cluster.fake, many(14_000));
    await cluster.becomes(BOB, 503);
    await read(/more than 20000 locks are in force/);
  });

  it("are found by asking when the watch is deaf", async () => {
    const { fake } = cluster;
    fake.inject({ ...locks, verb: "watch" }, beDeaf());
    const watched = fake.called("watch", "configmaps", "locks");
    fake.endWatches("end");
    await watched;
    await lock();
    expect(await statuses()).toEqual([401, 200]);
    fake.settle();
  });

  it.each([
    { what: "set back to empty", act: (fake: FakeKubernetes) => putLocks(fake, NO_LOCKS) },
    {
      what: "deleted and made anew, empty",
      act: (fake: FakeKubernetes) => {
        fake.remove("configmaps", "locks");
        putLocks(fake, NO_LOCKS);
      },
    },
  ])("stay in force when the denylist is $what, and are told to have vanished", async ({ act }) => {
    await lock();
    act(cluster.fake);
    await read(/1 locks vanished without being removed/);
    expect(await statuses()).toEqual([401, 200]);
    putLocks(cluster.fake, REMOVED);
    await cluster.becomes(ALICE, 200);
  });

  it("stay in force when a list or an answer tells an older denylist", async () => {
    const { fake, gateway } = cluster;
    const [list, object] = (["list", "get"] as const).map((verb) => fake.look(verb, "configmaps", "locks"));
    if (list === undefined || object === undefined) throw new Error("two were looked at");
    await lock();
    fake.inject({ ...locks, verb: "list" }, sayAgain(list));
    fake.inject({ ...locks, verb: "get" }, sayAgain(object), 2);
    const listed = fake.called("list", "configmaps", "locks");
    fake.endWatches("end");
    await listed;
    for (const _ of [1, 2]) await fake.called("get", "configmaps", "locks");
    fake.put("configmaps", "locks", { data: { "denylist.json": ON_ALICE }, metadata: { labels: { a: "b" } } });
    await read(null);
    expect(await statuses()).toEqual([401, 200]);
    expect(gateway.logged.filter((line) => line.includes("vanished"))).toEqual([]);
    fake.settle();
  });

  it("of a denylist that was deleted hold until the age limit, then every call is refused", async () => {
    const { fake, clock, says } = cluster;
    await lock();
    fake.remove("configmaps", "locks");
    await says("locks", /^does not exist; the locks it held stay in force/);
    expect(await statuses()).toEqual([401, 200]);
    clock.leap(LIMIT_SECONDS);
    putKeys(fake, KEYS, { synced: now(-LIMIT_SECONDS) });
    await says("keys", null);
    expect(await statuses()).toEqual([503, 503]);
    putLocks(fake, NO_LOCKS);
    await cluster.becomes(BOB, 200);
    expect(await statuses()).toEqual([401, 200]);
  });

  it.each([
    { what: "that is no JSON", data: { "denylist.json": "{" } },
    { what: "with a field of its own", data: { "denylist.json": '{"locks":[],"x":1}' } },
    { what: "under another name", data: { "locks.json": NO_LOCKS } },
    { what: "without data", data: {} },
  ])(
    "$what refuse every call at once, whatever is known less of later, until they are read again",
    async ({ data }) => {
      const { fake, says, stream } = cluster;
      await lock();
      const { cut } = await stream(BOB);
      fake.put("configmaps", "locks", { data });
      expect(await cut).toBe(true);
      expect(await statuses()).toEqual([503, 503]);
      const comeBack = goAway(fake);
      await says("locks", /did not reach the API server/);
      expect(await statuses()).toEqual([503, 503]);
      comeBack();
      fake.remove("configmaps", "locks");
      await says("locks", /does not exist/);
      expect(await statuses()).toEqual([503, 503]);
      putLocks(fake, NO_LOCKS);
      await cluster.becomes(BOB, 200);
      expect(await statuses()).toEqual([401, 200]);
    },
  );

  it("are read from binaryData, too", async () => {
    cluster.fake.put("configmaps", "locks", { binaryData: { "denylist.json": base64(ON_ALICE) } });
    await cluster.becomes(ALICE, 401);
    expect(await statuses()).toEqual([401, 200]);
  });

  it("that may no longer be read stay as they were until the age limit", async () => {
    const { fake, clock, says } = cluster;
    await lock();
    fake.inject(locks, refuse(403), Infinity);
    fake.endWatches("cut");
    await says("locks", /lacks that right/);
    expect(await statuses()).toEqual([401, 200]);
    clock.leap(LIMIT_SECONDS);
    putKeys(fake, KEYS, { synced: now(-LIMIT_SECONDS) });
    await cluster.becomes(BOB, 503);
    expect(await statuses()).toEqual([503, 503]);
  });
});
