import { InvalidArgumentError, Option, type Command } from "commander";
import type { LogCounts } from "../../lib/audit/call-log.ts";
import { AppError } from "../../lib/errors.ts";
import { loadPolicy, loadRoles, requireUsable } from "../../lib/files/load-policy.ts";
import type { Format } from "../../lib/output/view.ts";
import { Replay, type ReplayReport } from "../../lib/policy/replay.ts";
import { formatTime } from "../../lib/time.ts";
import { withExamples, type Cli } from "../cli.ts";
import { readDuration } from "../duration.ts";
import { policyFiles } from "../policy-files.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { plural } from "../../lib/plural.ts";
import { readAudit } from "./read-audit.ts";
import { replayView, unknownCount } from "./replay-view.ts";
import { suggestRemovals } from "./suggest.ts";

const EVENTS = ["refused", "allowed", "unknown"] as const;
export type ReplayEvent = (typeof EVENTS)[number];

export interface ReplayOptions {
  readonly files: readonly string[];
  readonly roles?: string;
  readonly backends?: string;
  readonly since?: string;
  readonly failOn?: readonly ReplayEvent[];
  readonly suggest?: true;
  readonly unused?: string;
  readonly allowGaps?: true;
}

export type ReplayPorts = Pick<Ports, "cwd" | "label" | "now" | "progress" | "projectConfig" | "signal" | "stdin">;

export function registerReplay(roles: Command, cli: Cli, run = replayRoles): void {
  const command = roles
    .command("replay")
    .summary("run a role file over recorded calls")
    .description(
      "Judge the calls of gateway audit logs by another role file, with the gateway's own evaluator: which would be refused, " +
        "which newly let through? Logs may be rotated, gzip, or wrapped by Kubernetes, Docker or logcli. Locks count for nothing.",
    )
    .argument("<files...>", "audit logs, or - for standard input")
    .option("--roles <file>", "the role file to judge by (default: policy.roles of mcpctl.yaml, else roles.yaml)")
    .option("--backends <file>", "the backend registry (default: policy.backends, else backends.yaml)")
    .option("--since <duration>", "only what was recorded within this time, e.g. 7d")
    .option("--fail-on <what>", "exit code 1 on refused, allowed, unknown (comma between) or any", readEvents)
    .option("--suggest", "print a patch that takes away the grants no record used, and nothing else")
    .option("--unused <duration>", "with --suggest: for how long they must be unused (default: 90d)")
    .option("--allow-gaps", "with --suggest: also where records are missing, unreadable or end early")
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["text", "json", "yaml", "markdown"]))
    .action(async (files: string[], options: Omit<ReplayOptions, "files"> & { output?: Format }) =>
      cli.show(await run({ ...options, files }, cli.ports), options.output ?? null),
    )
    .addHelpText(
      "after",
      "\nExit codes: 0 done, 1 what --fail-on names, 3 nothing could be judged or a file\nis unusable, 7 the logs do not tell what is unused (with --suggest).",
    );
  withExamples(
    command,
    "mcpctl roles replay audit.jsonl --roles new-roles.yaml --fail-on refused",
    "mcpctl roles replay audit.jsonl.2.gz audit.jsonl.1 audit.jsonl --suggest | git apply",
  );
}

function readEvents(text: string): readonly ReplayEvent[] {
  if (text === "any") return EVENTS;
  const words = text.split(",");
  const events = EVENTS.filter((event) => words.includes(event));
  if (events.length === words.length) return events;
  throw new InvalidArgumentError("It must be any, or some of refused, allowed, unknown with a comma between.");
}

export async function replayRoles(options: ReplayOptions, ports: ReplayPorts): Promise<Result> {
  requireFitting(options);
  const files = policyFiles(await ports.projectConfig(), options, ports);
  if (options.suggest === true) {
    const { roles, findings, source } = loadRoles(files.roles);
    requireUsable(findings);
    return suggestRemovals({ ...options, roles, source }, ports);
  }
  const since = options.since === undefined ? null : ports.now() - 1000 * readDuration("--since", options.since, 1);
  const replay = new Replay(loadPolicy(files));
  const counts = await readAudit(options.files, { since, take: (call) => replay.add(call) }, ports);
  const report = replay.report();
  requireJudged(report, counts, since);
  const isHit = (options.failOn ?? []).some((event) => happened(event, report, counts));
  return {
    view: replayView({ roles: files.roles.label, backends: files.backends.label, since, report, counts }),
    ...(isHit ? { exit: 1 } : {}),
  };
}

function requireFitting({ suggest, unused, allowGaps, since, failOn }: ReplayOptions): void {
  const misfit =
    suggest === true
      ? (since ?? failOn) === undefined
        ? null
        : "--since and --fail-on do not go with --suggest"
      : (unused ?? allowGaps) === undefined
        ? null
        : "--unused and --allow-gaps go with --suggest alone";
  if (misfit !== null) throw new AppError("usage", "options_conflict", misfit, { hint: "See --help." });
}

/** Nothing judged is no yes. @throws AppError invalid */
function requireJudged({ counts }: ReplayReport, log: LogCounts, since: number | null): void {
  if (counts.refused + counts.allowed + counts.stillAllowed + counts.stillRefused > 0) return;
  const within = since === null ? "" : ` since ${formatTime(since)}`;
  const message =
    log.records === 0
      ? `there is no audit record in these files: ${plural(log.unreadable, "line")} not readable, ${log.foreign} of something else`
      : `none of ${plural(log.records, "record")} tells of a call${within} that role file and registry decided`;
  throw new AppError("invalid", "nothing_judged", message, {
    hint: "Name the files that `mcpctl gateway start --audit` wrote, or what Loki has of its output.",
  });
}

function happened(event: ReplayEvent, report: ReplayReport, counts: LogCounts): boolean {
  return event === "unknown" ? unknownCount(report, counts) > 0 : report.counts[event] > 0;
}
