import type { LogCounts } from "../../lib/audit/call-log.ts";
import { AppError } from "../../lib/errors.ts";
import { printableLine } from "../../lib/output/printable.ts";
import { GrantUses, type RoleGrant } from "../../lib/policy/grant-uses.ts";
import { patchOf } from "../../lib/policy/line-edits.ts";
import { removeGrants } from "../../lib/policy/remove-grants.ts";
import type { Roles } from "../../lib/policy/role-file.ts";
import { formatPlace, type SourceText } from "../../lib/policy/source.ts";
import { formatDuration } from "../../lib/time.ts";
import { readDuration } from "../duration.ts";
import type { Result } from "../result.ts";
import { plural } from "../../lib/plural.ts";
import { logData, timeOf } from "./log-words.ts";
import { readAudit } from "./read-audit.ts";
import type { ReplayPorts } from "./replay.ts";

export interface SuggestOptions {
  readonly files: readonly string[];
  readonly unused?: string;
  readonly allowGaps?: true;
  readonly roles: Roles;
  readonly source: SourceText;
}

const DEFAULT_UNUSED = "90d";
/** A log that ends longer ago does not tell what is in use today. */
const MAX_SILENCE_SECONDS = 86_400;

const GAPS_HINT = "Name every file of that time, or say --allow-gaps if you know why they are not whole.";

/** Which grants did nobody use for so long? As a patch that takes them away, where the logs tell it. */
export async function suggestRemovals(options: SuggestOptions, ports: ReplayPorts): Promise<Result> {
  const unusedSeconds = readDuration("--unused", options.unused ?? DEFAULT_UNUSED, 1);
  const now = ports.now();
  const since = now - 1000 * unusedSeconds;
  const uses = new GrantUses(options.roles);
  const counts = await readAudit(options.files, { since, take: (call) => uses.add(call) }, ports);
  const log: Log = { span: formatDuration(unusedSeconds), since, now, counts };
  const tooShort = shortness(log);
  const gaps = gapsOf(log);
  if (tooShort !== null) return answer(options, log, { problems: [tooShort], hint: [], unused: null });
  if (gaps.length > 0 && options.allowGaps !== true)
    return answer(options, log, { problems: gaps, hint: [GAPS_HINT], unused: null });
  return answer(options, log, { problems: gaps, hint: [], unused: uses.unused() });
}

interface Log {
  readonly span: string;
  readonly since: number;
  readonly now: number;
  readonly counts: LogCounts;
}

/** How far the logs reach, where that is not far enough. @throws AppError invalid when they hold nothing */
function shortness({ span, since, counts: { first, records } }: Log): string | null {
  if (first === null)
    throw new AppError("invalid", "nothing_judged", "there is no audit record in these files", {
      hint: "Name the files that `mcpctl gateway start --audit` wrote.",
    });
  if (first <= since) return null;
  const reach = `the oldest of ${plural(records, "record")} is of ${timeOf(first)}`;
  return `The logs do not reach back ${span}: ${reach}. Name older ones, or a shorter --unused.`;
}

/** Why a use may stand in no record that was read, a sentence each. */
function gapsOf({ now, counts: { last, missing, unreadable } }: Log): readonly string[] {
  const isSilent = last !== null && last < now - 1000 * MAX_SILENCE_SECONDS;
  return [
    ...(isSilent ? [`The logs end at ${timeOf(last)}: what was used after is not known.`] : []),
    ...(missing > 0 ? [`${plural(missing, "record")} of the gateways not in these files.`] : []),
    ...(unreadable > 0 ? [`${plural(unreadable, "line")} not readable.`] : []),
  ];
}

interface Suggestion {
  readonly problems: readonly string[];
  readonly hint: readonly string[];
  /** Null where the logs do not tell. */
  readonly unused: readonly RoleGrant[] | null;
}

function answer({ roles, source }: SuggestOptions, log: Log, { problems, hint, unused }: Suggestion): Result {
  const { edits, unremoved } = removeGrants(source.text, roles, unused ?? []);
  const patch = patchOf(source.file.replace(/^\/+/, ""), source.text, edits);
  const data = {
    roles: source.file,
    unused_for: log.span,
    since: timeOf(log.since),
    problems,
    unused: (unused ?? []).map((one) => grantData(one, !unremoved.includes(one))),
    patch,
    log: logData(log.counts),
  };
  const view = { data, text: () => patch.split("\n").map(showable).join("\n") };
  if (unused === null) return { view, notes: [...problems, ...hint], exit: 7 };
  return { view, notes: [...problems, ...unremoved.map(unremovedNote), ...summary(unused.length, log)] };
}

function grantData({ role, grant: { backend, place } }: RoleGrant, isInPatch: boolean): object {
  return { role, backend, place, in_patch: isInPatch };
}

function unremovedNote({ role, grant: { backend, place } }: RoleGrant): string {
  return `${formatPlace(place)}: ${role} does not use ${backend}; it shares its line, or stands there by an alias, and is not in the patch.`;
}

function summary(count: number, { span, counts: { instances } }: Log): readonly string[] {
  const records = `the records of ${instances} gateway ${instances === 1 ? "process" : "processes"} within ${span}`;
  if (count === 0) return [`Every grant is used in ${records}.`];
  return [
    `${plural(count, "grant")} not used in ${records}.`,
    "A grant that was made since may be among them; a gateway whose log is not among these files is not seen.",
  ];
}

/** A line of a patch as a terminal may see it; its tabs and CR stay, for the patch must fit. */
function showable(line: string): string {
  const end = line.endsWith("\r") ? "\r" : "";
  return `${printableLine(line.slice(0, line.length - end.length))}${end}`;
}
