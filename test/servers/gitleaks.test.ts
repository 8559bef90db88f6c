import { execFile } from "node:child_process";
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KEY_EXPRESSION, TOKEN_EXPRESSION } from "../../src/lib/keys/find-tokens.ts";
import { HIDDEN_LEAKS, LEAKS, leakedKey, NO_LEAKS } from "../support/leaks.ts";
import { seededBytes } from "../support/seeded.ts";

const RULES = resolve("examples/scanning/gitleaks.toml");

/** Without gitleaks its rules are not tried, which is said; with MCPCTL_REQUIRE_SERVERS=1 that fails. */
function gitleaks(): string | null {
  const named = process.env["MCPCTL_GITLEAKS"];
  if (named !== undefined && named !== "") return named;
  if (process.env["MCPCTL_REQUIRE_SERVERS"] === "1") return "gitleaks";
  process.stderr.write("NOT TESTED with gitleaks: set MCPCTL_GITLEAKS to its path\n");
  return null;
}

const GITLEAKS = gitleaks();

describe.skipIf(GITLEAKS === null)("gitleaks with our rules", () => {
  const leaked = leakedKey(seededBytes("gitleaks")(32));
  let folder: string;
  let found: readonly { File: string; RuleID: string }[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "mcpctl-gitleaks-"));
    for (const [name, leaks] of [
      ["leak", LEAKS],
      ["hidden", HIDDEN_LEAKS],
      ["none", NO_LEAKS],
    ] as const)
      for (const [index, { text }] of leaks.entries())
        await writeFile(join(folder, `${name}-${index}.txt`), text(leaked.token, leaked.key));
    const report = join(folder, "report.json");
    const only = ["mcpctl-token", "mcpctl-key"];
    const args = [
      "dir",
      "--config",
      RULES,
      "--max-decode-depth",
      "5",
      "--no-banner",
      "--report-format",
      "json",
      "--report-path",
      report,
    ];
    const rules = only.flatMap((rule) => ["--enable-rule", rule]);
    await promisify(execFile)(GITLEAKS ?? "", [...args, ...rules, "--exit-code", "0", folder]);
    await access(report);
    found = JSON.parse(await readFile(report, "utf8")) as typeof found;
  });
  afterAll(() => rm(folder, { recursive: true }));

  const rulesFor = (name: string): readonly string[] =>
    found.filter(({ File }) => File.endsWith(`/${name}.txt`)).map(({ RuleID }) => RuleID);

  it.each(LEAKS.map(({ what, holds }, index) => [what, holds, index] as const))("finds %s", (_what, holds, index) => {
    // It decodes base64 where it can, and then finds the key in a token as well.
    expect(rulesFor(`leak-${index}`)).toContain(`mcpctl-${holds}`);
  });

  it.each(HIDDEN_LEAKS.map(({ what }, index) => [what, index] as const))("decodes %s", (_what, index) => {
    expect(rulesFor(`hidden-${index}`)).not.toEqual([]);
  });

  it.each(NO_LEAKS.map(({ what }, index) => [what, index] as const))("leaves %s alone", (_what, index) => {
    expect(rulesFor(`none-${index}`)).toEqual([]);
  });
});

it("has the expressions that mcpctl itself searches by, and the one key that nobody holds", async () => {
  const rules = await readFile(RULES, "utf8");
  const expressions = [...rules.matchAll(/^regex = '''(.*)'''$/gm)].map(([, expression]) => expression);
  const exceptions = [...rules.matchAll(/^regexes = \['''(.*)'''\]$/gm)].map(([, expression]) => expression ?? "");
  const zeros = leakedKey(new Uint8Array(32));
  const isExcepted = [zeros.token, zeros.key].map((text, index) => new RegExp(`^${exceptions[index]}$`).test(text));
  expect({ expressions, isExcepted }).toEqual({
    expressions: [TOKEN_EXPRESSION, KEY_EXPRESSION],
    isExcepted: [true, true],
  });
});
