import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { auditedVersion } from "../../../src/lib/audit/protocol-version.ts";
import { mintKey } from "../../../src/lib/keys/key.ts";

const minted = mintKey(randomBytes);

it.each([
  ["nothing", null, null],
  ["a revision", "2026-07-28", "2026-07-28"],
  ["what is too long", "v".repeat(33), "v".repeat(32)],
  ["a token", minted.token.reveal(), `[${minted.id}]`],
])("of %s the record says what it may", (_what, claimed, said) => {
  expect(auditedVersion(claimed)).toBe(said);
});
