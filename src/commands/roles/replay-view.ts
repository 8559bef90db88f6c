import type { ChalkInstance } from "chalk";
import type { LogCounts } from "../../lib/audit/call-log.ts";
import { printable } from "../../lib/output/printable.ts";
import type { View } from "../../lib/output/view.ts";
import type { Change, ReplayReport } from "../../lib/policy/replay.ts";
import { formatPlace } from "../../lib/policy/source.ts";
import { formatTime } from "../../lib/time.ts";
import { plural } from "../../lib/plural.ts";
import { logData, logWarnings, timeOf } from "./log-words.ts";
import { replayMarkdown } from "./replay-markdown.ts";

export interface Replayed {
  readonly roles: string;
  readonly backends: string;
  /** Milliseconds since 1970; null for the whole log. */
  readonly since: number | null;
  readonly report: ReplayReport;
  readonly counts: LogCounts;
}

/** Records that say nothing of what the role file would do, and lines that could not be read. */
export function unknownCount({ unknown }: ReplayReport, { unreadable }: LogCounts): number {
  return unknown.undecided + unknown.besidePolicy + unknown.altered + unknown.nameless + unreadable;
}

export function replayView(replayed: Replayed): View {
  return {
    data: dataOf(replayed),
    text: (paint) => textOf(replayed, paint),
    forms: { markdown: () => replayMarkdown(replayed.report, summaryOf(replayed), warningsOf(replayed)) },
  };
}

function dataOf({ roles, backends, since, report, counts }: Replayed): object {
  const { refused, allowed, unknown, beside } = report;
  return {
    roles,
    backends,
    since: since === null ? null : timeOf(since),
    calls: {
      refused: report.counts.refused,
      allowed: report.counts.allowed,
      still_allowed: report.counts.stillAllowed,
      still_refused: report.counts.stillRefused,
      unknown: unknownCount(report, counts),
      unlisted_refused: report.counts.unlistedRefused,
      unlisted_allowed: report.counts.unlistedAllowed,
    },
    refused: refused.map(changeData),
    allowed: allowed.map(changeData),
    unknown: {
      undecided: unknown.undecided,
      beside_policy: unknown.besidePolicy,
      altered: unknown.altered,
      nameless: unknown.nameless,
      unreadable: counts.unreadable,
      beside: Object.fromEntries([...beside].toSorted(([one], [other]) => (one < other ? -1 : 1))),
    },
    log: logData(counts),
  };
}

function changeData({ role, user, backend, method, tool, count, first, last, reason, rule }: Change): object {
  const times = { first: timeOf(first), last: timeOf(last) };
  return {
    role,
    user,
    backend,
    method,
    tool,
    count,
    ...times,
    reason,
    rule: rule?.text ?? null,
    place: rule?.place ?? null,
  };
}

/** More lines than anybody reads at a terminal. */
const MOST_SHOWN = 50;

function textOf(replayed: Replayed, paint: ChalkInstance): string {
  const { refused, allowed, counts } = replayed.report;
  const list = (title: string, changes: readonly Change[], total: number): readonly string[] => {
    if (total === 0) return [];
    const shown = changes.slice(0, MOST_SHOWN).flatMap((change) => changeLines(change));
    const listed = changes.slice(0, MOST_SHOWN).reduce((sum, { count }) => sum + count, 0);
    const left =
      total === listed ? [] : [`  and ${plural(total - listed, "call")} of other kinds; -o json lists them.`];
    return [title, ...shown, ...left, ""];
  };
  return [
    ...list(paint.red("Would be refused"), refused, counts.refused),
    ...list(paint.yellow("Would be let through"), allowed, counts.allowed),
    ...warningsOf(replayed).map(printable),
    summaryOf(replayed),
  ].join("\n");
}

function changeLines({
  role,
  user,
  backend,
  method,
  tool,
  count,
  first,
  last,
  reason,
  rule,
}: Change): readonly string[] {
  const times = first === last ? formatTime(first) : `${formatTime(first)} to ${formatTime(last)}`;
  const where = rule?.place == null ? "" : `  ${formatPlace(rule.place)}`;
  return [
    `  ${count} x ${role} -> ${backend}  ${tool ?? method ?? "-"}  by ${user ?? "-"}`,
    `      ${times}  ${reason}${where}`,
  ].map(printable);
}

function warningsOf({ report, counts }: Replayed): readonly string[] {
  const { undecided, besidePolicy, altered, nameless } = report.unknown;
  const parts = [
    [besidePolicy, "refused for something else than role and backend"],
    [undecided, "not decided by the gateway"],
    [altered, "with a method or tool that is cut or redacted"],
    [nameless, "without role, backend or tool"],
    [counts.unreadable, counts.unreadable === 1 ? "line not readable" : "lines not readable"],
  ] as const;
  const told = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return [...(told.length === 0 ? [] : [`Unknown: ${told.join(", ")}.`]), ...logWarnings(counts)];
}

function summaryOf({ roles, report, counts }: Replayed): string {
  const { refused, allowed, stillAllowed, stillRefused } = report.counts;
  const answers = `${refused} would be refused, ${allowed} would be let through, ${unknownCount(report, counts)} unknown`;
  return `${printable(roles)}: ${answers}, ${stillAllowed + stillRefused} as before, of ${plural(counts.records - counts.older, "record")}.`;
}
