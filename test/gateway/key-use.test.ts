import { describe, expect, it } from "vitest";
import { KeyUses, type UseLimits } from "../../src/gateway/key-use.ts";

const LIMITS: UseLimits = {
  callsPerSecond: 0,
  maxCallsPerKey: 2,
  maxStreamsPerKey: 1,
  maxCalls: 3,
  maxStreams: 2,
  maxBodyBytes: 100,
  maxBodyBytesPerKey: 60,
};

function uses(limits: Partial<UseLimits> = {}): { readonly uses: KeyUses; readonly clock: { ms: number } } {
  const clock = { ms: 0 };
  return { uses: new KeyUses({ ...LIMITS, ...limits }, () => clock.ms), clock };
}

const refused = (reason: string) => expect.objectContaining({ reason }) as Error;

describe("what one key may have", () => {
  it("is so many calls at once, and room again when one is over", () => {
    const { uses: keys } = uses();
    const first = keys.enter("a", "call");
    keys.enter("a", "call");
    expect(() => keys.enter("a", "call")).toThrow(refused("too_many_calls"));
    first.leave();
    first.leave();
    keys.enter("a", "call");
    expect(() => keys.enter("a", "call")).toThrow(refused("too_many_calls"));
  });

  it("is so many streams beside its calls", () => {
    const { uses: keys } = uses();
    keys.enter("a", "stream");
    keys.enter("a", "call");
    expect(() => keys.enter("a", "stream")).toThrow(refused("too_many_calls"));
  });

  it("counts a call that opens a stream as a stream alone", () => {
    const { uses: keys } = uses();
    const listening = keys.enter("a", "call");
    listening.becomes("stream");
    keys.enter("a", "call");
    keys.enter("a", "call");
    const late = keys.enter("b", "call");
    late.becomes("stream");
    expect(() => keys.enter("c", "call").becomes("stream")).toThrow(refused("overloaded"));
    listening.leave();
    keys.enter("a", "stream");
  });

  it("is refused as overload when all keys together have too much", () => {
    const { uses: keys } = uses();
    for (const key of ["a", "b", "c"]) keys.enter(key, "call");
    expect(() => keys.enter("d", "call")).toThrow(refused("overloaded"));
  });

  it("is not limited where the limit is 0", () => {
    const { uses: keys } = uses({ maxCallsPerKey: 0, maxCalls: 0 });
    const entered = Array.from({ length: 1000 }, () => keys.enter("a", "call"));
    expect(entered.length).toBe(1000);
  });

  it("is a share of the room for bodies, given back with the call", () => {
    const { uses: keys } = uses();
    const first = keys.enter("a", "call");
    expect([first.takeBody(60), first.takeBody(1)]).toEqual([null, "too_many_calls"]);
    const second = keys.enter("b", "call");
    expect([second.takeBody(41), second.takeBody(40)]).toEqual(["overloaded", null]);
    first.leave();
    expect(second.takeBody(20)).toBeNull();
  });

  it("is a rate, of which twice a second's may come at once", () => {
    const { uses: keys, clock } = uses({ callsPerSecond: 10, maxCallsPerKey: 0, maxCalls: 0 });
    for (let count = 0; count < 20; count += 1) keys.enter("a", "call");
    expect(() => keys.enter("a", "call")).toThrow(refused("rate_limited"));
    keys.enter("b", "call");
    clock.ms = 99;
    expect(() => keys.enter("a", "call")).toThrow(refused("rate_limited"));
    clock.ms = 100;
    keys.enter("a", "call");
    expect(() => keys.enter("a", "call")).toThrow(refused("rate_limited"));
    clock.ms = 3_600_000;
    for (let count = 0; count < 20; count += 1) keys.enter("a", "call");
    expect(() => keys.enter("a", "call")).toThrow(refused("rate_limited"));
  });

  it("is a rate that large bodies use up like several requests", () => {
    const { uses: keys, clock } = uses({
      callsPerSecond: 10,
      maxCallsPerKey: 0,
      maxCalls: 0,
      maxBodyBytes: 4e6,
      maxBodyBytesPerKey: 4e6,
    });
    keys.enter("a", "call").takeBody(30 * 65_536);
    expect(() => keys.enter("a", "call")).toThrow(refused("rate_limited"));
    clock.ms = 1_100;
    expect(() => keys.enter("a", "call")).toThrow(refused("rate_limited"));
    clock.ms = 1_200;
    expect(keys.enter("a", "call").takeBody(1)).toBeNull();
  });

  it("is no richer for having been forgotten", () => {
    const { uses: keys, clock } = uses({ callsPerSecond: 10, maxBodyBytes: 4e6, maxBodyBytesPerKey: 4e6 });
    const large = keys.enter("a", "call");
    large.takeBody(50 * 65_536);
    large.leave();
    clock.ms = 2_500;
    keys.forgetIdle();
    expect(() => keys.enter("a", "call")).toThrow(refused("rate_limited"));
  });

  it("is remembered while something is under way, and not given anew by forgetting", () => {
    const { uses: keys, clock } = uses({ callsPerSecond: 1, maxCallsPerKey: 1 });
    const open = keys.enter("a", "call");
    clock.ms = 60_000;
    keys.forgetIdle();
    expect(() => keys.enter("a", "call")).toThrow(refused("too_many_calls"));
    open.leave();
    clock.ms = 120_000;
    keys.forgetIdle();
    keys.enter("a", "call");
  });
});
