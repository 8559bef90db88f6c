import { AppError } from "../errors.ts";
import { isRuleCode, ruleOf } from "../policy/rules/catalogue.ts";
import { DEFAULT_SETTINGS, type RuleSettings, type ToxicPair } from "../policy/rules/settings.ts";
import type { Severity } from "../policy/source.ts";

type Level = Severity | "skip";

/** `policy.rules` as written: a level, or a mapping with the rule's own options. */
export type RawRules = Readonly<Record<string, Level | RawRule>>;

interface RawRule {
  readonly level?: Level;
  readonly forms?: readonly string[];
  readonly pairs?: readonly ToxicPair[];
  readonly backends?: readonly string[];
  readonly grants?: number;
  readonly required?: boolean;
  readonly days?: number;
  readonly perUser?: number;
}

/**
 * How does the team want the rules? What it does not say is as built in.
 * @throws AppError invalid for a rule that there is not, or that always holds.
 */
export function readRuleSettings(raw: RawRules): RuleSettings {
  const levels = new Map<string, Level>();
  const of = (code: string): RawRule => {
    const rule = raw[code];
    return typeof rule === "object" ? rule : {};
  };
  for (const [code, rule] of Object.entries(raw)) {
    requireConfigurable(code, rule);
    const level = typeof rule === "string" ? rule : rule.level;
    if (level !== undefined) levels.set(code, level);
  }
  return {
    ...DEFAULT_SETTINGS,
    levels,
    nameForms: of("MC201").forms ?? null,
    pairs: of("MC306").pairs ?? [],
    administers: of("MC308").backends ?? [],
    growth: of("MC405").grants ?? DEFAULT_SETTINGS.growth,
    requiresOwner: of("MC406").required ?? false,
    keyDays: of("MC503").days ?? DEFAULT_SETTINGS.keyDays,
    keysPerUser: of("MC503").perUser ?? DEFAULT_SETTINGS.keysPerUser,
  };
}

/** The options that a rule has beside its level. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  MC201: ["forms"],
  MC306: ["pairs"],
  MC308: ["backends"],
  MC405: ["grants"],
  MC406: ["required"],
  MC503: ["days", "perUser"],
};

function requireConfigurable(code: string, rule: Level | RawRule): void {
  if (!isRuleCode(code)) {
    throw new AppError("invalid", "rule_unknown", `there is no rule ${code} to configure`, {
      hint: "docs/rules.md lists them.",
    });
  }
  if (ruleOf(code).isFatal) {
    throw new AppError("invalid", "rule_fixed", `the rule ${code} cannot be configured: no gateway takes such a file`, {
      hint: "Remove it from policy.rules.",
    });
  }
  const options = ["level", ...(OPTIONS[code] ?? [])];
  const other = typeof rule === "string" ? undefined : Object.keys(rule).find((name) => !options.includes(name));
  if (other === undefined) return;
  throw new AppError("invalid", "rule_option_unknown", `the rule ${code} has no option "${other}"`, {
    hint: `It has: ${options.join(", ")}.`,
  });
}
