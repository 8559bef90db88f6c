import type { ChalkInstance } from "chalk";
import { printable } from "../../lib/output/printable.ts";
import type { View } from "../../lib/output/view.ts";
import type { LogCounts } from "../../lib/audit/call-log.ts";
import type { LostUse } from "../../lib/policy/diff/lost-uses.ts";
import type { KeyEffect } from "../../lib/policy/diff/key-effects.ts";
import type { GrantChange, PolicyDiff, RoleChange } from "../../lib/policy/diff/policy-diff.ts";
import { formatPlace } from "../../lib/policy/source.ts";
import { diffData } from "./diff-data.ts";
import { diffMarkdown } from "./diff-markdown.ts";
import {
  backendWords,
  changeWords,
  directionOf,
  effectWords,
  headline,
  logWords,
  summarizeDiff,
  useWords,
  type Direction,
} from "./diff-words.ts";

/** A comparison and all that is told of it. */
export interface Comparison {
  readonly before: string;
  readonly after: string;
  readonly diff: PolicyDiff;
  /** Null where no keys were read. */
  readonly effects: readonly KeyEffect[] | null;
  /** Null where no audit log was named. */
  readonly uses: RecordedUses | null;
  readonly failedOn: readonly string[];
}

/** What audit logs tell of the use of what is lost. */
export interface RecordedUses {
  /** From when on records count, milliseconds since 1970. */
  readonly since: number;
  readonly counts: LogCounts;
  readonly lost: readonly LostUse[];
}

export function diffView(comparison: Comparison): View {
  return {
    data: diffData(comparison),
    text: (paint) => diffText(comparison, paint),
    forms: { markdown: () => diffMarkdown(comparison) },
  };
}

function diffText(comparison: Comparison, paint: ChalkInstance): string {
  const { before, after, diff, effects, uses, failedOn } = comparison;
  const lines = [`${printable(before)} -> ${printable(after)}`];
  if (diff.roles.length + diff.backends.length > 0) {
    lines.push(
      `  ${paint.red("+")} grows  ${paint.green("-")} shrinks  ${paint.yellow("~")} both, or cannot be compared  = the same calls`,
    );
  }
  for (const role of diff.roles)
    lines.push("", ...roleLines(role, paint), ...useLines(role, uses), ...effectLines(role, effects ?? [], paint));
  if (diff.backends.length > 0) lines.push("", "registry", ...diff.backends.map((each) => `  ${backendWords(each)}`));
  lines.push("", summarizeDiff(comparison), ...(uses === null ? [] : logWords(uses)));
  if (failedOn.length > 0) lines.push(paint.red(`Fails on ${failedOn.join(" and ")}.`));
  return lines.join("\n");
}

function roleLines(role: RoleChange, paint: ChalkInstance): readonly string[] {
  return [paint.bold(headline(role)), ...role.grants.map((change) => grantLine(change, paint))];
}

function grantLine(change: GrantChange, paint: ChalkInstance): string {
  const sign = directionOf(change);
  const place = (change.after ?? change.before)?.place;
  const where = place === undefined || change.after === null ? "" : paint.dim(`  ${formatPlace(place)}`);
  return `  ${paintSign(sign, paint)} ${change.backend}  ${changeWords(change).map(printable).join(", ")}${where}`;
}

function paintSign(sign: Direction, paint: ChalkInstance): string {
  const colours = { "+": paint.red, "-": paint.green, "~": paint.yellow, "=": paint.dim };
  return colours[sign](sign);
}

function useLines(role: RoleChange, uses: RecordedUses | null): readonly string[] {
  const own = uses?.lost.filter((use) => use.role === (role.from ?? role.role)) ?? [];
  return own.map((use) => `  ${printable(useWords(use))}`);
}

function effectLines(role: RoleChange, effects: readonly KeyEffect[], paint: ChalkInstance): readonly string[] {
  return effects
    .filter((effect) => effect.role === role.role || effect.role === role.from)
    .map((effect) => `  ${effect.effect === "die" ? paint.red(effectWords(effect)) : effectWords(effect)}`);
}
