import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { LastUse } from "../../src/gateway/last-use.ts";
import { buildKeyring } from "../../src/lib/keys/followed-keyring.ts";
import type { Keyring } from "../../src/lib/keys/keyring.ts";
import { mintKey, type MintedKey } from "../../src/lib/keys/key.ts";

const ringOf = (...keys: readonly MintedKey[]): Keyring =>
  buildKeyring(
    keys.map(({ hash }) => ({
      label: `dev.${hash}`,
      name: { role: "dev", hash, part: "record" },
      value: "dev/agent-01",
      version: null,
      changedAt: null,
    })),
  );

describe("the last use of a key", () => {
  it("is the time of its last accepted call, with their number", () => {
    const lastUse = new LastUse();
    lastUse.accepted("a", 1_000);
    lastUse.accepted("b", 2_000);
    lastUse.accepted("a", 3_000);
    expect([lastUse.of("a"), lastUse.of("b"), lastUse.of("c"), lastUse.size]).toEqual([
      { at: 3_000, count: 2 },
      { at: 2_000, count: 1 },
      null,
      2,
    ]);
  });

  it("is forgotten with its key, and only then", () => {
    const [kept, removed] = [mintKey(randomBytes), mintKey(randomBytes)];
    const lastUse = new LastUse();
    lastUse.accepted(kept.id, 1_000);
    lastUse.accepted(removed.id, 1_000);
    lastUse.prune(ringOf(kept, removed));
    const before = lastUse.size;
    lastUse.prune(ringOf(kept));
    expect([before, lastUse.of(kept.id), lastUse.of(removed.id), lastUse.size]).toEqual([
      2,
      { at: 1_000, count: 1 },
      null,
      1,
    ]);
  });

  it("of what was read before does not change with later calls", () => {
    const lastUse = new LastUse();
    lastUse.accepted("a", 1_000);
    const use = lastUse.of("a");
    lastUse.accepted("a", 2_000);
    expect(use).toEqual({ at: 1_000, count: 1 });
  });

  it("is kept for ten thousand keys, and forgotten for all of them", () => {
    const lastUse = new LastUse();
    for (let call = 0; call < 30_000; call += 1) lastUse.accepted(`k${call % 10_000}`, call);
    expect([lastUse.size, lastUse.of("k9999")]).toEqual([10_000, { at: 29_999, count: 3 }]);
    lastUse.prune(ringOf());
    expect(lastUse.size).toBe(0);
  });
});
