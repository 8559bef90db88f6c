import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/lib/config/parse-config.ts";
import { readRuleSettings } from "../../src/lib/config/rule-settings.ts";
import { CHECK_RULES, RULES, type Rule } from "../../src/lib/policy/rules/catalogue.ts";
import { DEFAULT_SETTINGS, type RuleSettings } from "../../src/lib/policy/rules/settings.ts";
import type { LiveKey } from "../../src/lib/policy/rules/subject.ts";
import { checkText } from "../support/check-text.ts";

interface Page {
  readonly text: string;
  /** The blocks of the page, by the word behind their language: found, clean, base, config. */
  readonly blocks: ReadonlyMap<string, string>;
}

function readPage(code: string): Page {
  const text = readFileSync(`docs/rules/${code}.md`, "utf8");
  const blocks = [...text.matchAll(/^```yaml (\S+)\n([\s\S]*?)^```$/gm)].map(
    (match) => [match[1] as string, match[2] as string] as const,
  );
  return { text, blocks: new Map(blocks) };
}

/** The live keys that `The keys of the examples: dev (never), ops.` stands for: one of each role, ending and new unless it says. */
function keysOf({ text }: Page): readonly LiveKey[] | null {
  const [, list] = /The keys of the examples: (.*)\.\n/.exec(text) ?? [];
  return (
    list?.split(", ").map((entry, index) => {
      const [role = "", trait = ""] = entry.split(" ");
      return {
        id: `k_00000000000${index}`,
        role,
        user: "alice",
        endsAt: trait === "(never)" ? null : Date.parse("2027-01-01T00:00:00Z"),
        madeAt: Date.parse(trait === "(old)" ? "2024-01-01T00:00:00Z" : "2026-11-01T00:00:00Z"),
      };
    }) ?? null
  );
}

function settingsOf({ blocks }: Page): RuleSettings {
  return readRuleSettings(parseConfig("mcpctl.yaml", Buffer.from(blocks.get("config") ?? "")).policy?.rules ?? {});
}

function check(page: Page, kind: "found" | "clean", rule: Rule): readonly string[] {
  const { blocks } = page;
  const backends = blocks.get(`${kind}-backends`) ?? blocks.get("found-backends");
  const base = blocks.get("base");
  const live = keysOf(page);
  const report = checkText({
    roles: [blocks.get(kind) as string],
    // Only what a rule needs to run at all; the other options are there to be shown.
    settings: rule.needs.includes("option") ? settingsOf(page) : {},
    ...(backends === undefined ? {} : { backends }),
    ...(base === undefined ? {} : { base }),
    ...(live === null ? {} : { keys: { live, bytes: 0 } }),
  });
  return report.findings.map(({ code }) => code);
}

describe("docs/rules", () => {
  it("has a page for every rule, named in the list, and no other", () => {
    expect(readdirSync("docs/rules").toSorted()).toEqual(RULES.map(({ code }) => `${code}.md`));
    const list = readFileSync("docs/rules.md", "utf8");
    for (const { code, slug, severity } of RULES) {
      expect(list).toContain(`| [${code}](rules/${code}.md) ${slug} | ${severity} |`);
    }
  });

  it.each(RULES)("tells $code as the catalogue does", ({ code, slug, title, severity, isFatal }) => {
    const { text } = readPage(code);
    expect(text.startsWith(`# ${code} ${slug}\n\n${title}. Severity: ${severity}; `)).toBe(true);
    expect([text.includes("always holds"), text.includes("In `mcpctl.yaml`")]).toEqual([isFatal, !isFatal]);
  });

  const withExamples = RULES.filter(({ code }) => readPage(code).blocks.has("found"));

  it.each(withExamples)("$code finds what its page says is found", (rule) => {
    const { code } = rule;
    expect(check(readPage(code), "found", rule)).toContain(code);
  });

  it.each(withExamples)("$code does not find what its page says is not", (rule) => {
    const { code } = rule;
    const found = check(readPage(code), "clean", rule);
    expect(found).not.toContain(code);
    expect(found.filter((each) => /^MC0|^MC10[^3]|^MC203|^MC205/.test(each))).toEqual([]);
  });

  it.each(RULES.filter(({ code }) => readPage(code).blocks.has("config")))(
    "shows options of $code that there are",
    ({ code }) => {
      expect(settingsOf(readPage(code))).not.toEqual(DEFAULT_SETTINGS);
    },
  );

  it("shows an example for all rules of `roles check` but two", () => {
    expect(CHECK_RULES.length - withExamples.length).toBe(2);
  });
});
