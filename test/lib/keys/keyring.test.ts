import { describe, expect, it } from "vitest";
import { buildKeyring } from "../../../src/lib/keys/followed-keyring.ts";
import { acceptKey, EMPTY_KEYRING, keyState, type Keyring } from "../../../src/lib/keys/keyring.ts";
import type { StoredEntry } from "../../../src/lib/keys/key-store.ts";
import { parseEntryName } from "../../../src/lib/keys/record.ts";

const NOW = Date.parse("2026-11-20T10:00:00Z");
const A = "a".repeat(64);
const B = "b".repeat(64);
const [ID_A, ID_B] = ["k_aaaaaaaaaaaa", "k_bbbbbbbbbbbb"];
const RECORD = "dev/agent?exp=2027-02-18T09:00:00Z";
const ENDS = "exp=2026-11-21T09:00:00Z&next=k_0123456789ab";
const at = (text: string): number => Date.parse(text);

function ring(
  entries: Readonly<Record<string, string>>,
  previous: Keyring = EMPTY_KEYRING,
  version: number | null = 1,
): Keyring {
  const stored = Object.entries(entries).map(([label, value]): StoredEntry => ({
    label,
    name: parseEntryName(label, "."),
    value,
    version,
    changedAt: null,
  }));
  return buildKeyring(stored, previous);
}

const accepted = (endsAt: number, role = "dev") => ({
  accepted: true,
  subject: { keyId: ID_A, role, user: "agent" },
  endsAt,
});
const refused = (reason: string, keyId: string | null = ID_A) => ({ accepted: false, reason, keyId });

describe("a key by its record alone", () => {
  it("is accepted until its own end, and not from that second on", () => {
    const keys = ring({ [`dev.${A}`]: RECORD });
    const end = at("2027-02-18T09:00:00Z");
    expect(acceptKey(keys, A, NOW)).toEqual(accepted(end));
    expect(acceptKey(keys, A, end - 1)).toEqual(accepted(end));
    expect(acceptKey(keys, A, end)).toEqual(refused("key_expired"));
    expect([NOW, end - 1, end].map((now) => keyState(keys.keys.get(A)!, now))).toEqual(["active", "active", "expired"]);
  });

  it("is accepted for ever without an end", () => {
    expect(acceptKey(ring({ [`dev.${A}`]: "dev/agent" }), A, Number.MAX_SAFE_INTEGER)).toEqual(accepted(Infinity));
  });

  it("is unknown when no entry has its hash", () => {
    expect(acceptKey(ring({ [`dev.${A}`]: RECORD }), B, NOW)).toEqual(refused("key_unknown", null));
    expect(acceptKey(EMPTY_KEYRING, A, NOW)).toEqual(refused("key_unknown", null));
  });

  it.each([
    ["a record that cannot be read", { [`dev.${A}`]: "garbage" }, "its record cannot be read"],
    [
      "an end that is no real date",
      { [`dev.${A}`]: "dev/agent?exp=2027-02-30T09:00:00Z" },
      "its record cannot be read",
    ],
    ["an empty record", { [`dev.${A}`]: "" }, "its record cannot be read"],
    [
      "a role that is not its folder's",
      { [`dev.${A}`]: "devops-full/agent" },
      "it lies in the folder of dev and claims the role devops-full",
    ],
    [
      "one hash under two roles",
      { [`dev.${A}`]: "dev/agent", [`oncall.${A}`]: "oncall/agent" },
      "one hash stands under dev and oncall",
    ],
    [
      "one hash under two roles, one of them unreadable",
      { [`dev.${A}`]: "dev/agent", [`oncall.${A}`]: "?" },
      "one hash stands under dev and oncall",
    ],
    [
      "a .ends that cannot be read",
      { [`dev.${A}`]: RECORD, [`dev.${A}.ends`]: "soon" },
      "its .ends marker cannot be read",
    ],
  ])("is unusable for %s, and harms no other", (_what, entries, problem) => {
    const keys = ring({ ...entries, [`dev.${B}`]: "dev/agent" });
    expect(acceptKey(keys, A, NOW)).toEqual(refused("key_unusable"));
    expect(keys.keys.get(A)?.problem).toBe(problem);
    expect(keyState(keys.keys.get(A)!, NOW)).toBe("unusable");
    expect(acceptKey(keys, B, NOW)).toEqual({
      accepted: true,
      subject: { keyId: ID_B, role: "dev", user: "agent" },
      endsAt: Infinity,
    });
  });

  it("harms no other by being foreign, and is told", () => {
    const keys = ring({ stray: "x", [`dev.${A}`]: RECORD, [`DEV.${B}`]: RECORD, [B]: RECORD });
    expect(keys.foreign).toEqual([{ label: "stray" }, { label: `DEV.${B}` }, { label: B }]);
    expect([...keys.keys.keys()]).toEqual([A]);
  });
});

describe("one record in two lists, as from Secrets that overlap", () => {
  const both = (second: Readonly<Record<string, string>>): Keyring => {
    const lists = [{ [`dev.${A}`]: RECORD }, second].flatMap((list) => Object.entries(list));
    return buildKeyring(
      lists.map(([label, value]) => ({ label, name: parseEntryName(label, "."), value, version: 1, changedAt: null })),
    );
  };

  it("is one key, accepted as with one list", () => {
    const keys = both({ [`dev.${A}`]: RECORD });
    expect(keys).toEqual(ring({ [`dev.${A}`]: RECORD }));
    expect(acceptKey(keys, A, NOW)).toEqual(accepted(at("2027-02-18T09:00:00Z")));
  });

  it.each([
    ["another end", { [`dev.${A}`]: "dev/agent?exp=2028-02-18T09:00:00Z" }, "one hash stands under dev and dev"],
    ["another user", { [`dev.${A}`]: "dev/somebody?exp=2027-02-18T09:00:00Z" }, "one hash stands under dev and dev"],
    ["another role's folder", { [`oncall.${A}`]: RECORD }, "one hash stands under dev and oncall"],
  ])("is unusable when the other says %s", (_what, second, problem) => {
    const keys = both(second);
    expect(acceptKey(keys, A, NOW)).toEqual(refused("key_unusable"));
    expect(keys.keys.get(A)?.problem).toBe(problem);
  });
});

describe("a revoked key", () => {
  it.each([
    ["with its time", "at=2026-11-20T09:00:00Z", at("2026-11-20T09:00:00Z")],
    ["with garbage in it", "garbage", null],
    ["with nothing in it", "", null],
    ["with a time yet to come", "at=2999-01-01T00:00:00Z", at("2999-01-01T00:00:00Z")],
  ])("is refused by a .revoked %s", (_what, marker, revokedAt) => {
    const keys = ring({ [`dev.${A}`]: RECORD, [`dev.${A}.revoked`]: marker });
    expect(acceptKey(keys, A, NOW)).toEqual(refused("key_revoked"));
    expect(keys.keys.get(A)).toMatchObject({ isRevoked: true, revokedAt, problem: null });
    expect(keyState(keys.keys.get(A)!, NOW)).toBe("revoked");
  });

  it("is called revoked before expired, superseded and unusable", () => {
    const marker = { [`dev.${A}.revoked`]: "at=2026-11-20T09:00:00Z" };
    for (const entries of [
      { [`dev.${A}`]: "dev/a?exp=2020-01-01T00:00:00Z" },
      { [`dev.${A}.ends`]: ENDS },
      { [`dev.${A}`]: "?" },
    ]) {
      const keys = ring({ ...entries, ...marker });
      expect(acceptKey(keys, A, NOW)).toEqual(refused("key_revoked"));
      expect(keyState(keys.keys.get(A)!, NOW)).toBe("revoked");
    }
  });

  it("is refused by a marker that lies in another role's folder", () => {
    const keys = ring({ [`dev.${A}`]: RECORD, [`oncall.${A}.revoked`]: "at=2026-11-20T09:00:00Z" });
    expect(acceptKey(keys, A, NOW)).toEqual(refused("key_revoked"));
  });

  it("tells the earliest of two revocations, and a time before none", () => {
    const early = "at=2026-11-20T08:00:00Z";
    const keys = ring({
      [`dev.${A}.revoked`]: "at=2026-11-20T09:00:00Z",
      [`oncall.${A}.revoked`]: early,
      [`x.${A}.revoked`]: "?",
    });
    expect(keys.keys.get(A)?.revokedAt).toBe(at("2026-11-20T08:00:00Z"));
  });
});

describe("a superseded key", () => {
  const entries = { [`dev.${A}`]: RECORD, [`dev.${A}.ends`]: ENDS };

  it("is accepted until the earlier of its two ends", () => {
    const end = at("2026-11-21T09:00:00Z");
    const keys = ring(entries);
    expect(acceptKey(keys, A, end - 1)).toEqual(accepted(end));
    expect(acceptKey(keys, A, end)).toEqual(refused("key_expired"));
    expect(keys.keys.get(A)).toMatchObject({
      isSuperseded: true,
      next: "k_0123456789ab",
      expiresAt: at("2027-02-18T09:00:00Z"),
    });
    expect([NOW, end].map((now) => keyState(keys.keys.get(A)!, now))).toEqual(["superseded", "expired"]);
  });

  it("is not kept alive by a marker that is later than its own end", () => {
    const keys = ring({ [`dev.${A}`]: "dev/agent?exp=2026-11-20T11:00:00Z", [`dev.${A}.ends`]: ENDS });
    expect(acceptKey(keys, A, NOW)).toEqual(accepted(at("2026-11-20T11:00:00Z")));
  });

  it("ends with the earliest of several markers", () => {
    const keys = ring({ ...entries, [`oncall.${A}.ends`]: "exp=2026-11-20T12:00:00Z" });
    expect(acceptKey(keys, A, NOW)).toEqual(accepted(at("2026-11-20T12:00:00Z")));
  });
});

describe("markers without a record", () => {
  it("open nothing, and are known as what they are", () => {
    const keys = ring({ [`dev.${A}.ends`]: ENDS, [`dev.${B}.revoked`]: "at=2026-11-20T09:00:00Z" });
    expect(acceptKey(keys, A, NOW)).toEqual(refused("key_unknown"));
    expect(acceptKey(keys, B, NOW)).toEqual(refused("key_revoked", ID_B));
    expect(keys.keys.get(A)).toMatchObject({ roles: [], folders: ["dev"], problem: "it has no record" });
  });
});

describe("what a replica has seen", () => {
  const revoked = ring({ [`dev.${A}`]: RECORD, [`dev.${A}.revoked`]: "at=2026-11-20T09:00:00Z" });

  it.each([
    ["the marker vanishes", { [`dev.${A}`]: RECORD }],
    ["the marker turns to garbage", { [`dev.${A}`]: RECORD, [`dev.${A}.revoked`]: "" }],
    ["everything vanishes", {}],
    ["the key comes back under another role", { [`oncall.${A}`]: "oncall/agent" }],
  ])("stays revoked when %s", (_what, entries) => {
    const later = ring(entries, revoked);
    expect(acceptKey(later, A, NOW)).toEqual(refused("key_revoked"));
    expect(later.keys.get(A)?.revokedAt).toBe(at("2026-11-20T09:00:00Z"));
    expect(acceptKey(ring({ [`dev.${A}`]: RECORD }, later), A, NOW)).toEqual(refused("key_revoked"));
  });

  it("keeps the earlier end when a marker vanishes, or a record is given a later one", () => {
    const end = at("2026-11-21T09:00:00Z");
    const superseded = ring({ [`dev.${A}`]: RECORD, [`dev.${A}.ends`]: ENDS });
    const later = ring({ [`dev.${A}`]: RECORD }, superseded);
    expect(acceptKey(later, A, NOW)).toEqual(accepted(end));
    expect(later.keys.get(A)).toMatchObject({ isSuperseded: true, next: "k_0123456789ab" });
    const longer = ring({ [`dev.${A}`]: "dev/agent" }, ring({ [`dev.${A}`]: RECORD }));
    expect(acceptKey(longer, A, NOW)).toEqual(accepted(at("2027-02-18T09:00:00Z")));
  });

  it("stays unusable once an end could not be read", () => {
    const broken = ring({ [`dev.${A}`]: RECORD, [`dev.${A}.ends`]: "?" });
    expect(acceptKey(ring({ [`dev.${A}`]: RECORD, [`dev.${A}.ends`]: ENDS }, broken), A, NOW)).toEqual(
      refused("key_unusable"),
    );
  });

  it("takes back nothing else: a key without an end comes, goes and comes", () => {
    const first = ring({ [`dev.${A}`]: "dev/agent" });
    const gone = ring({}, first);
    expect(acceptKey(gone, A, NOW)).toEqual(refused("key_unknown", null));
    expect(acceptKey(ring({ [`dev.${A}`]: "dev/agent" }, gone), A, NOW)).toEqual(accepted(Infinity));
  });

  it("lets a key be usable again that was unusable by its record alone", () => {
    const broken = ring({ [`dev.${A}`]: "garbage" });
    expect(acceptKey(ring({ [`dev.${A}`]: RECORD }, broken), A, NOW)).toEqual(accepted(at("2027-02-18T09:00:00Z")));
  });
});

describe("versions", () => {
  it.each([
    [1, []],
    [null, []],
    [2, [`dev.${A}`, `dev.${A}.ends`]],
  ])("%s tells as overwritten %o", (version, overwritten) => {
    const keys = ring({ [`dev.${A}`]: RECORD, [`dev.${A}.ends`]: ENDS }, EMPTY_KEYRING, version);
    expect(keys.keys.get(A)?.overwritten).toEqual(overwritten);
  });
});

it("removing any one entry never revives a key that was refused, but for an entry that refuses", () => {
  const all: Readonly<Record<string, string>> = {
    [`dev.${A}`]: RECORD,
    [`dev.${B}`]: "oncall/agent",
    [`oncall.${B}`]: "oncall/agent",
    stray: "x",
  };
  for (const label of Object.keys(all)) {
    const fewer = ring(Object.fromEntries(Object.entries(all).filter(([name]) => name !== label)));
    for (const hash of [A, B]) {
      const before = acceptKey(ring(all), hash, NOW).accepted;
      const after = acceptKey(fewer, hash, NOW).accepted;
      // The second record of one hash is what refuses it.
      expect({ label, hash, revived: !before && after }).toEqual({
        label,
        hash,
        revived: label === `dev.${B}` && hash === B,
      });
    }
  }
});
