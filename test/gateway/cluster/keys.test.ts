import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { mintKey } from "../../../src/lib/keys/key.ts";
import {
  base64,
  goAway,
  LIMIT_SECONDS,
  now,
  putKeys,
  startClusterGateway,
  type ClusterGateway,
} from "../../support/cluster-gateway.ts";
import type { FakeKubernetes } from "../../support/fake-kubernetes.ts";
import { refuse, sayAgain } from "../../support/kube-faults.ts";

const [ALICE, BOB, EVE] = [mintKey(randomBytes), mintKey(randomBytes), mintKey(randomBytes)];
const REVOKED = "at=2026-11-20T10:00:00Z";
const alice = { [`dev.${ALICE.hash}`]: "dev/alice" };
const bob = { [`dev.${BOB.hash}`]: "dev/bob" };
const aliceRevoked = { ...alice, [`dev.${ALICE.hash}.revoked`]: REVOKED };

const closing: ClusterGateway[] = [];
afterEach(async () => {
  for (const { close } of closing.splice(0)) await close();
});

async function start(
  prepare: (fake: FakeKubernetes) => void = (fake) => putKeys(fake, { ...alice, ...bob }),
  options: Parameters<typeof startClusterGateway>[1] = {},
): Promise<ClusterGateway> {
  const started = await startClusterGateway(prepare, options);
  closing.push(started);
  return started;
}

describe("keys in a Secret", () => {
  it("are followed: a new key works, a revoked one is refused and loses its streams", async () => {
    const { fake, status, becomes, stream } = await start();
    expect([await status(ALICE), await status(BOB), await status(EVE)]).toEqual([200, 200, 401]);
    const { cut } = await stream(ALICE);
    putKeys(fake, { ...aliceRevoked, ...bob, [`ops.${EVE.hash}`]: "ops/eve" });
    expect(await cut).toBe(true);
    await becomes(EVE, 200);
    expect([await status(ALICE), await status(BOB)]).toEqual([401, 200]);
  });

  it.each<{ readonly what: string; readonly act: (fake: FakeKubernetes) => void }>([
    { what: "an older Secret comes back", act: (fake) => putKeys(fake, { ...alice, ...bob }) },
    {
      what: "the Secret is made anew without the revocation",
      act: (fake) => {
        fake.remove("secrets", "keys");
        putKeys(fake, { ...alice, ...bob });
      },
    },
    { what: "its record is gone, too", act: (fake) => putKeys(fake, bob) },
  ])("stay revoked when $what", async ({ act }) => {
    const { fake, status, becomes, says } = await start();
    putKeys(fake, { ...aliceRevoked, ...bob });
    await becomes(ALICE, 401);
    act(fake);
    const { version } = fake.objects;
    expect((await says("keys", null)).resource_version).not.toBeNull();
    while ((await says("keys", null)).resource_version !== String(version));
    expect([await status(ALICE), await status(BOB)]).toEqual([401, 200]);
  });

  it("stay revoked when a list tells an older state", async () => {
    const { fake, status, becomes } = await start();
    const stale = fake.look("list", "secrets", "keys");
    putKeys(fake, { ...aliceRevoked, ...bob });
    await becomes(ALICE, 401);
    fake.inject({ verb: "list", resource: "secrets" }, sayAgain(stale));
    const listed = fake.called("list", "secrets");
    fake.endWatches("end");
    await listed;
    putKeys(fake, { ...aliceRevoked, ...bob, [`ops.${EVE.hash}`]: "ops/eve" });
    await becomes(EVE, 200);
    expect(await status(ALICE)).toBe(401);
    fake.settle();
  });

  it("of a Secret that vanished stay in force until the age limit, the revoked ones refused", async () => {
    const { fake, clock, status, becomes, says } = await start();
    putKeys(fake, { ...aliceRevoked, ...bob });
    await becomes(ALICE, 401);
    fake.remove("secrets", "keys");
    expect(await says("keys", /does not exist/)).toMatchObject({ usable: true });
    expect([await status(ALICE), await status(BOB)]).toEqual([401, 200]);
    clock.leap(LIMIT_SECONDS);
    expect([await status(ALICE), await status(BOB), await status(EVE)]).toEqual([503, 503, 503]);
    putKeys(fake, { ...alice, ...bob }, { synced: now(-LIMIT_SECONDS) });
    await becomes(BOB, 200);
    expect(await status(ALICE)).toBe(401);
  });

  it("whose synced stands still age in a healthy watch, and are refused past the limit", async () => {
    const { fake, clock, status, becomes, says } = await start();
    const synced = now();
    putKeys(fake, { ...aliceRevoked, ...bob }, { synced });
    await becomes(ALICE, 401);
    clock.leap(LIMIT_SECONDS - 10);
    fake.bookmark();
    putKeys(fake, { ...aliceRevoked, ...bob, [`ops.${EVE.hash}`]: "ops/eve" }, { synced });
    await becomes(EVE, 200);
    expect((await says("keys", null)).age_seconds).toBeGreaterThan(LIMIT_SECONDS - 11);
    clock.leap(10);
    expect([await status(ALICE), await status(BOB), await status(EVE)]).toEqual([503, 503, 503]);
    putKeys(fake, { ...alice, ...bob }, { synced: now(-LIMIT_SECONDS) });
    await becomes(BOB, 200);
    expect(await status(ALICE)).toBe(401);
  });

  it.each([
    { what: "has no keys.json", data: { synced: base64(now()) }, problem: /has no keys\.json/ },
    { what: "holds no JSON", data: { "keys.json": base64("{"), synced: base64(now()) }, problem: /JSON/ },
    { what: "holds nothing", data: {}, problem: /has no keys\.json/ },
    { what: "lost its synced", data: { "keys.json": base64(JSON.stringify(bob)) }, problem: /synced/ },
  ])("that were read before outlast a Secret that $what, until the age limit", async ({ data, problem }) => {
    const { fake, clock, status, says } = await start();
    fake.put("secrets", "keys", { data });
    await says("keys", problem);
    expect(await status(BOB)).toBe(200);
    clock.leap(LIMIT_SECONDS);
    expect(await status(BOB)).toBe(503);
  });

  it.each([
    { what: "has no keys.json", data: { synced: base64(now()) } },
    { what: "has no synced", data: { "keys.json": base64(JSON.stringify(bob)) } },
    { what: "was never there", data: null },
  ])("of a Secret that $what are none: every call is refused until it is well", async ({ data }) => {
    const { fake, status, becomes } = await start((fake) => {
      if (data !== null) fake.put("secrets", "keys", { data });
    });
    expect(await status(BOB)).toBe(503);
    putKeys(fake, bob);
    await becomes(BOB, 200);
  });

  it("with one bad record lose only its key", async () => {
    const { status } = await start((fake) =>
      putKeys(fake, {
        ...alice,
        [`dev.${BOB.hash}`]: "ops/bob",
        [`ops.${EVE.hash}`]: "ops/eve?exp=soon",
        "no entry at all": "x",
      }),
    );
    expect([await status(ALICE), await status(BOB), await status(EVE)]).toEqual([200, 401, 401]);
  });

  it("are those of several Secrets together, a revocation in one holding for all", async () => {
    const keys = ["keys", "more"].map((name) => ({ path: `secret:mcp/${name}`, role: null }));
    const { fake, status, becomes } = await start(
      (fake) => {
        putKeys(fake, alice);
        putKeys(fake, bob, { name: "more" });
      },
      { keys },
    );
    expect([await status(ALICE), await status(BOB)]).toEqual([200, 200]);
    putKeys(fake, { ...bob, [`dev.${ALICE.hash}.revoked`]: REVOKED }, { name: "more" });
    await becomes(ALICE, 401);
    expect(await status(BOB)).toBe(200);
  });

  it("of one role go out of use alone when their Secret is forbidden, and come back", async () => {
    const keys = ["dev", "ops"].map((role) => ({ path: `secret:mcp/${role}`, role }));
    let end: () => void = () => undefined;
    const { status, becomes, says, gateway } = await start(
      (fake) => {
        putKeys(fake, alice, { name: "dev" });
        putKeys(fake, { [`ops.${EVE.hash}`]: "ops/eve", ...bob }, { name: "ops" });
        end = fake.inject({ name: "dev" }, refuse(403), Infinity);
      },
      { keys },
    );
    expect([await status(ALICE), await status(EVE), await status(BOB)]).toEqual([503, 200, 503]);
    expect((await says("keys", /lacks that right/)).usable).toBe(false);
    await says("keys", /entries that are not of role ops/, 1);
    expect(gateway.unreadiness()).toEqual([]);
    end();
    await becomes(ALICE, 200);
    expect([await status(EVE), await status(BOB)]).toEqual([200, 401]);
  });

  it("of any role are all out of use while one of their Secrets is forbidden", async () => {
    const keys = ["keys", "more"].map((name) => ({ path: `secret:mcp/${name}`, role: null }));
    let end: () => void = () => undefined;
    const { status, becomes } = await start(
      (fake) => {
        putKeys(fake, alice);
        putKeys(fake, { [`dev.${ALICE.hash}.revoked`]: REVOKED }, { name: "more" });
        end = fake.inject({ name: "more" }, refuse(403), Infinity);
      },
      { keys },
    );
    expect(await status(ALICE)).toBe(503);
    end();
    await becomes(ALICE, 401);
  });
});

describe("an API server that is away", () => {
  it("leaves what was known in force and its age told, until the limit, and is followed again when it is back", async () => {
    const { fake, clock, status, becomes, says } = await start();
    putKeys(fake, { ...aliceRevoked, ...bob });
    await becomes(ALICE, 401);
    const comeBack = goAway(fake);
    for (const what of ["keys", "locks", "roles", "backends"]) await says(what, /did not reach the API server/);
    clock.leap(LIMIT_SECONDS / 2);
    expect([await status(ALICE), await status(BOB)]).toEqual([401, 200]);
    for (const what of ["keys", "locks", "roles", "backends"]) {
      const { usable, age_seconds: age } = await says(what, /did not reach/);
      expect({ what, usable, isOld: (age ?? 0) >= LIMIT_SECONDS / 2 }).toEqual({ what, usable: true, isOld: true });
    }
    clock.leap(LIMIT_SECONDS / 2);
    expect([await status(ALICE), await status(BOB), await status(EVE)]).toEqual([503, 503, 503]);
    comeBack();
    putKeys(fake, { ...alice, ...bob }, { synced: now(-LIMIT_SECONDS) });
    await becomes(BOB, 200);
    expect(await status(ALICE)).toBe(401);
    for (const what of ["keys", "locks", "roles", "backends"]) expect((await says(what, null)).usable).toBe(true);
  });

  it("cuts what is open when the limit has passed", async () => {
    const { fake, status, stream, gateway } = await start(undefined, { maxAgeSeconds: 3 });
    const { cut } = await stream(BOB);
    goAway(fake);
    expect(await cut).toBe(true);
    expect(await status(BOB)).toBe(503);
    expect((await gateway.waitForRecords(2)).map(({ reason }) => reason)).toEqual([
      "keys_unavailable",
      "keys_unavailable",
    ]);
  });

  it("from the start refuses every call, and says why", async () => {
    let comeBack: () => void = () => undefined;
    const { status, becomes, says, gateway } = await start((fake) => {
      putKeys(fake, alice);
      comeBack = goAway(fake);
    });
    expect(await status(ALICE)).toBe(503);
    expect(gateway.unreadiness()).toEqual(["keys_unavailable", "policy_unavailable", "locks_unavailable"]);
    await says("keys", /did not reach the API server/);
    comeBack();
    await becomes(ALICE, 200);
    expect(gateway.unreadiness()).toEqual([]);
  });
});
