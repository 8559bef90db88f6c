import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { describe, expect, it } from "vitest";
import { KEY_EXPRESSION, TOKEN_EXPRESSION } from "../../src/lib/keys/find-tokens.ts";
import { HIDDEN_LEAKS, LEAKS, leakedKey, NO_LEAKS } from "../support/leaks.ts";
import { seededBytes } from "../support/seeded.ts";

interface Pattern {
  readonly pattern_name: string;
  readonly secret_format: string;
  readonly before_secret: string;
  readonly after_secret: string;
  readonly must_not_match: string;
}

const PATTERNS = parse(readFileSync("examples/scanning/github-custom-patterns.yaml", "utf8")) as readonly Pattern[];
const LEAKED = leakedKey(seededBytes("github")(32));

/** The names of the patterns that GitHub would report, by JavaScript's expressions, in which \A and \z are ^ and $. */
function reported(text: string): readonly string[] {
  return PATTERNS.filter((pattern) => {
    const [before, after] = [pattern.before_secret, pattern.after_secret].map((part) =>
      part.replace("\\A", "^").replace("\\z", "$"),
    );
    const whole = new RegExp(`(?:${before})(${pattern.secret_format})(?:${after})`, "g");
    const isExcepted = new RegExp(pattern.must_not_match);
    return [...text.matchAll(whole)].some(([, secret]) => !isExcepted.test(secret ?? ""));
  }).map(({ pattern_name: name }) => name);
}

describe("the patterns for GitHub", () => {
  it.each(LEAKS)("find $what", ({ text, holds }) => {
    expect(reported(text(LEAKED.token, LEAKED.key))).toEqual([`mcpctl ${holds}`]);
  });

  it.each(HIDDEN_LEAKS)("find $what, when it is a token", ({ text, holds }) => {
    const expected = holds === "token" ? ["mcpctl token in base64"] : [];
    expect(reported(text(LEAKED.token, LEAKED.key))).toEqual(expected);
  });

  it.each(NO_LEAKS)("leave $what alone", ({ text }) => {
    expect(reported(text(LEAKED.token, LEAKED.key))).toEqual([]);
  });

  it("except the published test vector, encoded as well, and no other token", () => {
    const zeros = leakedKey(new Uint8Array(32));
    const encode = (text: string) => Buffer.from(text).toString("base64");
    for (const text of [zeros.key, zeros.token, encode(zeros.token)]) expect(reported(text)).toEqual([]);
    const one = leakedKey(Uint8Array.from({ length: 32 }, (_, index) => (index === 31 ? 1 : 0)));
    expect([one.token, one.key, encode(one.token)].map(reported)).toEqual([
      ["mcpctl token"],
      ["mcpctl key"],
      ["mcpctl token in base64"],
    ]);
  });

  it("find the text to try them on", () => {
    const key = `mcpk_${"1".padStart(49, "0")}`;
    const token = Buffer.from(key).toString("base64");
    expect([key, token, Buffer.from(token).toString("base64")].map(reported)).toEqual([
      ["mcpctl key"],
      ["mcpctl token"],
      ["mcpctl token in base64"],
    ]);
  });

  it("have the formats that mcpctl itself searches by, and nothing that Hyperscan lacks", () => {
    expect(PATTERNS.slice(0, 2).map((pattern) => pattern.secret_format)).toEqual([TOKEN_EXPRESSION, KEY_EXPRESSION]);
    // Lookaround, references back, possessive and atomic groups, and what only PCRE has.
    for (const expression of PATTERNS.flatMap(({ pattern_name: _name, ...parts }) => Object.values(parts)))
      expect(expression).not.toMatch(/\(\?(?!:)|\\[1-9bkKGRX]|[*+?}]\+/);
  });
});
