import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LockEffects } from "../../src/gateway/lock-effects.ts";
import type { Lock } from "../../src/lib/policy/locks.ts";
import { callHeaders, send, startTestGateway, toolCall, type TestGateway, until } from "../support/gateway.ts";

const lock = (id: string, more: Partial<Lock> = {}): Lock => ({
  id,
  target: "user",
  value: "agent-01",
  reason: "why",
  tell: false,
  by: "alice",
  at: "2026-11-20T09:00:00Z",
  until: null,
  revokes: false,
  ...more,
});
const [A, B] = [lock("lock_a"), lock("lock_b")];
const fresh = { refusedCalls: 0, firstRefusedAt: null, cutCalls: 0 };

describe("the effects of a lock", () => {
  const at = { now: 1_000 };
  const begin = (...locks: readonly Lock[]): LockEffects => {
    at.now = 1_000;
    const effects = new LockEffects(() => at.now);
    effects.follow(locks);
    return effects;
  };

  it("are counted since it came into force, which another lock does not change", () => {
    const effects = begin(A);
    at.now = 2_000;
    effects.follow([A, B]);
    expect([effects.of("lock_a"), effects.of("lock_b")]).toEqual([
      { since: 1_000, ...fresh },
      { since: 2_000, ...fresh },
    ]);
  });

  it("are what was refused, the first time by its time, and what was cut", () => {
    const effects = begin(A, B);
    at.now = 2_000;
    effects.refused("lock_a");
    at.now = 3_000;
    effects.refused("lock_a");
    effects.cut("lock_a");
    effects.cut("lock_a");
    effects.cut("lock_a");
    expect([effects.of("lock_a"), effects.of("lock_b")]).toEqual([
      { since: 1_000, refusedCalls: 2, firstRefusedAt: 2_000, cutCalls: 3 },
      { since: 1_000, ...fresh },
    ]);
  });

  it("are forgotten with the lock, and begin anew with it", () => {
    const effects = begin(A);
    effects.refused("lock_a");
    effects.follow([]);
    expect(effects.of("lock_a")).toBeNull();
    effects.refused("lock_a");
    effects.cut("lock_a");
    expect(effects.of("lock_a")).toBeNull();
    at.now = 5_000;
    effects.follow([A]);
    expect(effects.of("lock_a")).toEqual({ since: 5_000, ...fresh });
  });

  it("are one lock's, though its id stands twice", () => {
    expect(begin(A, { ...A, value: "agent-02" }).of("lock_a")).toEqual({ since: 1_000, ...fresh });
  });

  it.each(["__proto__", "constructor", "", "lock_unknown"])("are nothing for the id `%s`", (id) => {
    const effects = begin(A);
    effects.refused(id);
    effects.cut(id);
    expect([effects.of(id), effects.of("lock_a")]).toEqual([null, { since: 1_000, ...fresh }]);
  });
});

describe("GET /state?lock=", () => {
  const NOW = Date.parse("2026-11-20T10:00:00Z");
  const AT = "2026-11-20T10:00:00.000Z";
  const written = (locks: readonly object[]): string => JSON.stringify({ locks });
  const raw = (id: string, more: object = {}) => ({
    id,
    match: { user: "agent-01" },
    reason: "a reason that stays here",
    tell: false,
    by: "alice",
    at: "2026-11-20T09:00:00Z",
    until: null,
    ...more,
  });
  let gateway: TestGateway;
  beforeEach(async () => {
    const clock = { now: () => NOW, monotonic: () => performance.now() };
    const locks = written([
      raw("lock_a"),
      raw("lock_ended", { match: { role: "qa" }, until: "2026-11-20T10:00:00Z" }),
      raw("lock_ends", { match: { role: "qa" }, until: "2026-11-20T10:00:01Z" }),
    ]);
    gateway = await startTestGateway({ "eks-ro": "http://127.0.0.1:9" }, { locks }, { clock });
  });
  afterEach(() => gateway.close());

  const ask = async (query: string) => {
    const { status, body } = await send(gateway.adminUrl, { method: "GET", path: `/state${query}` });
    return { status, body, state: status === 200 ? (JSON.parse(body) as Readonly<Record<string, unknown>>) : {} };
  };
  const untouched = { refused_calls: 0, first_refused_at: null, cut_calls: 0 };
  const absent = { in_force: false, since: null, ...untouched };

  it.each<[string, object]>([
    ["lock_a", { in_force: true, since: AT, ...untouched }],
    ["lock_ends", { in_force: true, since: AT, ...untouched }],
    ["lock_unknown", absent],
    ["", absent],
    ["__proto__", absent],
    ["constructor", absent],
    ["\u0000\u001b[2J\ufffd\u{1f512}", absent],
    ["x".repeat(10_000), absent],
  ])("tells what it knows of %j", async (id, told) => {
    expect((await ask(`?lock=${encodeURIComponent(id)}`)).state["lock"]).toEqual({ id, ...told });
  });

  it("tells of a lock whose end has passed that it is not in force", async () => {
    expect((await ask("?lock=lock_ended")).state["lock"]).toMatchObject({ id: "lock_ended", in_force: false });
  });

  it("tells what a lock has refused, and never its reason", async () => {
    const headers = callHeaders(gateway.key);
    for (let calls = 0; calls < 2; calls += 1)
      expect((await send(gateway.url, { headers, body: toolCall("eks_get_pods") })).status).toBe(401);
    const { body, state } = await ask("?lock=lock_a");
    expect(state["lock"]).toEqual({
      id: "lock_a",
      in_force: true,
      since: AT,
      refused_calls: 2,
      first_refused_at: AT,
      cut_calls: 0,
    });
    expect(body).not.toContain("a reason that stays here");
  });

  it("tells of keys and lock together, and of neither unasked", async () => {
    const { state } = await ask(`?lock=lock_a&key=${gateway.key.id}`);
    expect([state["keys"], state["lock"]]).toEqual([
      { accepted: 0, refused: [{ key_id: gateway.key.id, reason: "user_locked" }] },
      expect.objectContaining({ in_force: true }),
    ]);
    expect(["lock", "keys"].filter((name) => name in state)).toEqual(["lock", "keys"]);
    expect("lock" in (await ask("")).state).toBe(false);
  });

  it("takes the first of two", async () => {
    expect((await ask("?lock=lock_a&lock=lock_b")).state["lock"]).toMatchObject({ id: "lock_a" });
  });

  it("refuses an id of a megabyte, and goes on", async () => {
    expect((await ask(`?lock=${"x".repeat(1_048_576)}`)).status).toBe(431);
    expect((await ask("?lock=lock_a")).status).toBe(200);
  });

  it("does not say that a lock holds while the denylist is out of use, nor that calls go through", async () => {
    const other = await startTestGateway({ "eks-ro": "http://127.0.0.1:9" }, { locks: "broken" });
    const { body } = await send(other.adminUrl, { method: "GET", path: "/state?lock=lock_a" });
    await other.close();
    const state = JSON.parse(body) as { ready: string[]; lock: object; sources: { what: string; usable: boolean }[] };
    expect([state.lock, state.ready, state.sources.filter(({ usable }) => !usable).map(({ what }) => what)]).toEqual([
      { id: "lock_a", ...absent },
      ["locks_unavailable"],
      ["locks"],
    ]);
  });

  it("follows a lock that is ended on purpose, and not one that vanishes", async () => {
    const isInForce = async (): Promise<unknown> =>
      ((await ask("?lock=lock_a")).state["lock"] as { in_force: boolean }).in_force;
    await gateway.put("denylist.json", written([raw("lock_b", { match: { role: "qa" } })]));
    await until(
      async () => ((await ask("?lock=lock_b")).state["lock"] as { in_force: boolean }).in_force,
      (inForce) => inForce,
    );
    expect(await isInForce()).toBe(true);
    const removed = [{ id: "lock_a", by: "bob", at: "2026-11-20T09:30:00Z" }];
    await gateway.put("denylist.json", JSON.stringify({ locks: [], removed }));
    await until(isInForce, (inForce) => inForce === false);
    expect((await ask("?lock=lock_a")).state["lock"]).toEqual({ id: "lock_a", ...absent });
  });
});
