import { describe, expect, it } from "vitest";
import { Sampler } from "../../src/gateway/sampler.ts";

function sampler(): { readonly written: (kind: string, times: number) => number; readonly clock: { ms: number } } {
  const clock = { ms: 0 };
  const made = new Sampler(() => clock.ms);
  const written = (kind: string, times: number): number =>
    Array.from({ length: times }, () => made.isWritten(kind)).filter(Boolean).length;
  return { written, clock };
}

describe("of refusals that anyone can send", () => {
  it("a hundred of a kind are written at once, then ten a second", () => {
    const { written, clock } = sampler();
    expect(written("key_unknown", 100_000)).toBe(100);
    clock.ms = 1_000;
    expect(written("key_unknown", 100_000)).toBe(10);
    clock.ms = 3_600_000;
    expect(written("key_unknown", 100_000)).toBe(100);
  });

  it("a flood of one kind hides none of another", () => {
    const { written } = sampler();
    written("key_missing", 100_000);
    expect(written("key_revoked k_0123456789ab", 1)).toBe(1);
  });

  it("more kinds than are told apart share what is left, and nothing grows without end", () => {
    const { written, clock } = sampler();
    for (let kind = 0; kind < 1_000; kind += 1) written(`kind ${kind}`, 1);
    const shared = Array.from({ length: 5_000 }, (_none, kind) => written(`other ${kind}`, 1));
    expect(shared.reduce((sum, count) => sum + count, 0)).toBe(100);
    clock.ms = 60_000;
    expect(written("new kind", 200)).toBe(100);
  });
});
