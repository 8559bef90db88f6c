import { describe, expect, it } from "vitest";
import {
  formatEnds,
  formatEntryName,
  formatKeyRecord,
  formatRevoked,
  isKeyHash,
  parseEnds,
  parseEntryName,
  parseKeyRecord,
  parseRevoked,
} from "../../../src/lib/keys/record.ts";

const HASH = "ab".repeat(32);
const EXP = "2027-02-18T09:00:00Z";
const EXP_MS = Date.parse(EXP);

describe("parseKeyRecord", () => {
  it.each([
    ["dev-readonly/incident-agent-01", { role: "dev-readonly", user: "incident-agent-01", expiresAt: null }],
    [`dev/a?exp=${EXP}`, { role: "dev", user: "a", expiresAt: EXP_MS }],
    ["0.a_b-c/a.b_c@d-e", { role: "0.a_b-c", user: "a.b_c@d-e", expiresAt: null }],
    [`${"r".repeat(63)}/${"u".repeat(63)}`, { role: "r".repeat(63), user: "u".repeat(63), expiresAt: null }],
  ])("reads %s, and writes it the same", (text, record) => {
    expect(parseKeyRecord(text)).toEqual(record);
    expect(formatKeyRecord(record)).toBe(text);
  });

  it.each([
    "",
    "dev",
    "/",
    "dev/",
    "/a",
    "dev/a/b",
    "Dev/a",
    "dev/A",
    "dev/ü",
    "de@v/a",
    "-dev/a",
    "dev/.a",
    `${"r".repeat(64)}/a`,
    `dev/${"u".repeat(64)}`,
    " dev/a",
    "dev/a ",
    "dev/a\n",
    "dev%2fa",
    "dev/%61",
    "dev/a?",
    "dev/a?exp",
    "dev/a?exp=",
    `dev/a?exp=${EXP}&`,
    `dev/a?exp=${EXP}&exp=${EXP}`,
    `dev/a?exp=${EXP}?exp=${EXP}`,
    `dev/a?EXP=${EXP}`,
    `dev/a?exp=${EXP}&next=k_0123456789ab`,
    `dev/a?note=x&exp=${EXP}`,
    `dev/a? exp=${EXP}`,
    `dev/a?exp=${EXP} `,
    "dev/a?exp=never",
    "dev/a?exp=2027-02-18T09%3A00%3A00Z",
    "dev/a?exp=2027-02-18",
    "dev/a?exp=2027-02-30T09:00:00Z",
    "dev/a?exp=1803000000",
  ])("takes %j for unusable", (text) => {
    expect(parseKeyRecord(text)).toBeNull();
  });
});

describe("parseEnds", () => {
  it.each([
    [`exp=${EXP}&next=k_0123456789ab`, { endsAt: EXP_MS, next: "k_0123456789ab" }],
    [`next=k_0123456789ab&exp=${EXP}`, { endsAt: EXP_MS, next: "k_0123456789ab" }],
    [`exp=${EXP}`, { endsAt: EXP_MS, next: null }],
  ])("reads %s", (text, ends) => {
    expect(parseEnds(text)).toEqual(ends);
  });

  it("reads what it writes", () => {
    expect(formatEnds(EXP_MS, "k_0123456789ab")).toBe(`exp=${EXP}&next=k_0123456789ab`);
  });

  it.each([
    "",
    "x",
    "next=k_0123456789ab",
    `exp=${EXP}&next=`,
    `exp=${EXP}&next=k_0123456789AB`,
    `exp=${EXP}&next=k_0123456789ab&next=k_0123456789ab`,
    `exp=${EXP}&exp=${EXP}`,
    `exp=${EXP}&at=${EXP}`,
    `?exp=${EXP}`,
    `exp=${EXP}\n`,
    "exp=2026-11-21",
  ])("cannot read %j", (text) => {
    expect(parseEnds(text)).toBeNull();
  });
});

describe("parseRevoked", () => {
  it("reads what it writes", () => {
    expect(formatRevoked(EXP_MS)).toBe(`at=${EXP}`);
    expect(parseRevoked(`at=${EXP}`)).toBe(EXP_MS);
  });

  it.each(["", "garbage", EXP, "at=", "at=yesterday", `at=${EXP}&at=${EXP}`, `at=${EXP}&by=x`])(
    "does not learn a time from %j",
    (text) => {
      expect(parseRevoked(text)).toBeNull();
    },
  );
});

describe("parseEntryName", () => {
  it.each([
    ["record", ""],
    ["ends", ".ends"],
    ["revoked", ".revoked"],
  ] as const)("reads and writes the name of a %s in both forms", (part, suffix) => {
    for (const role of ["dev", "dev.ends", "dev.revoked", "a".repeat(63), "0._-"]) {
      for (const separator of ["/", "."] as const) {
        const text = `${role}${separator}${HASH}${suffix}`;
        expect(parseEntryName(text, separator)).toEqual({ role, hash: HASH, part });
        expect(formatEntryName({ role, hash: HASH, part }, separator)).toBe(text);
      }
    }
  });

  it.each([
    "",
    HASH,
    `.${HASH}`,
    `dev.${HASH}.`,
    `dev.${HASH}.end`,
    `dev.${HASH}.ends.revoked`,
    `dev.${HASH}.REVOKED`,
    `dev.${HASH.toUpperCase()}`,
    `dev.${HASH.slice(1)}`,
    `dev.${HASH}0`,
    `Dev.${HASH}`,
    `d@v.${HASH}`,
    `${"a".repeat(64)}.${HASH}`,
    `dev/${HASH}`,
    `dev.${HASH}\n`,
    ` dev.${HASH}`,
  ])("knows no entry called %j in keys.json", (text) => {
    expect(parseEntryName(text, ".")).toBeNull();
  });

  it("does not take the separator of the other form", () => {
    expect(parseEntryName(`dev.${HASH}`, "/")).toBeNull();
    expect(parseEntryName(`a/dev/${HASH}`, "/")).toBeNull();
  });

  it("knows a hash by 64 lower-case hex characters", () => {
    expect([HASH, HASH.toUpperCase(), HASH.slice(1), `${HASH}0`, `g${HASH.slice(1)}`].map(isKeyHash)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});
