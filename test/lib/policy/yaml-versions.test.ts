import { parseAllDocuments } from "yaml";
import { describe, expect, it } from "vitest";
import { readRoles } from "../../../src/lib/policy/role-file.ts";
import { seededNumbers } from "../../support/seeded.ts";

const WORDS = [
  "dev",
  "eks-ro",
  "no",
  "on",
  "y",
  "~",
  "null",
  "012",
  "0o14",
  "0x1f",
  "1_000",
  "12:30",
  "1e3",
  "+1",
  "-0",
  ".5",
  ".inf",
  ".nan",
  "2026-11-20",
  "1.0",
  "=",
  "<<",
  "true",
  "off",
  "a.b",
  "0b1",
  "190:20:30",
  "Yes",
  "'no'",
  '"on"',
  "a: b",
  "x y",
  "x#y",
  "x #y",
  "*a",
  "&a b",
  "!!str no",
  "[]",
  "{}",
  "? a",
  "- b",
  "|",
  ">-",
  "%a",
  "@a",
  "`a",
  "0",
  "10",
  "9e9",
];

/** What a parser of this version of YAML makes of the text, as role -> names; null where it refuses it or it is no such mapping. */
function mappingBy(version: "1.1" | "1.2", text: string): unknown {
  const [document] = parseAllDocuments(text, { version, merge: version === "1.1", logLevel: "silent" });
  if (document === undefined || document.errors.length > 0) return null;
  return (document.toJS() as { roleMapping?: unknown } | null)?.roleMapping ?? null;
}

describe("a role file that is taken", () => {
  it("says the same to parsers of YAML 1.1 and 1.2, for 20,000 random files of words that they read differently", () => {
    const random = seededNumbers(13);
    const word = (): string => (random(2) === 0 ? `b${random(9)}` : (WORDS[random(WORDS.length)] as string));
    const list = (): string => (random(2) === 0 ? `[${word()}, ${word()}]` : `\n    - ${word()}\n    - ${word()}`);
    let [taken, refusedForVersions] = [0, 0];
    for (let round = 0; round < 20_000; round += 1) {
      const text = `roleMapping:\n  ${word()}: ${list()}\n  dev: [${word()}]\n`;
      const { roles, findings } = readRoles("roles.yaml", Buffer.from(text));
      if (findings.some(({ severity }) => severity === "error")) {
        if (findings.some(({ code }) => /MC10[2-59]/.test(code))) refusedForVersions += 1;
        continue;
      }
      taken += 1;
      const ours = Object.fromEntries([...roles.values()].map(({ name, grants }) => [name, [...grants.keys()]]));
      expect({ text, by: [mappingBy("1.1", text), mappingBy("1.2", text)] }).toEqual({ text, by: [ours, ours] });
    }
    expect([taken > 300, refusedForVersions > 5_000]).toEqual([true, true]);
  });
});
