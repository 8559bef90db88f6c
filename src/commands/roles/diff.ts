import { InvalidArgumentError, Option, type Command } from "commander";
import { AppError } from "../../lib/errors.ts";
import { diffPolicies } from "../../lib/policy/diff/diff-policies.ts";
import { lostUses } from "../../lib/policy/diff/lost-uses.ts";
import { keyEffects, type KeyEffect } from "../../lib/policy/diff/key-effects.ts";
import { grantChanges, type PolicyDiff } from "../../lib/policy/diff/policy-diff.ts";
import type { Policy } from "../../lib/policy/decide.ts";
import { Replay } from "../../lib/policy/replay.ts";
import type { Format } from "../../lib/output/view.ts";
import { readDuration } from "../duration.ts";
import { withExamples, type Cli } from "../cli.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { diffView, type RecordedUses } from "./diff-view.ts";
import { loadSide, loadSideAt, pathsOf, requireSides, type Side } from "./diff-sides.ts";
import { readAudit } from "./read-audit.ts";
import { readStoredKeys } from "./stored-keys.ts";

const FAILURES = ["growth", "write-growth", "any", "key-loss"] as const;
type Failure = (typeof FAILURES)[number];

export interface DiffOptions {
  readonly sides: readonly string[];
  readonly base?: string;
  readonly backends?: string;
  readonly keys?: true;
  readonly audit?: readonly string[];
  readonly since?: string;
  readonly failOn?: readonly Failure[];
}

export function registerDiff(roles: Command, cli: Cli, run = diffRoles): void {
  const command = roles
    .command("diff")
    .summary("what a change lets roles do that they could not")
    .description(
      "Compare two states of role file and registry by what they let through. A side is a role file, or a folder with role file and registry. Needs no cluster, no AWS, no network.",
    )
    .argument("[sides...]", "the old side and the new one; with --base the new one alone (default: the working tree)")
    .option("--base <ref>", "the old side is the new one at this git commit")
    .option("--backends <file>", "the registry of both sides (default: the one beside the role file)")
    .option("--keys", "tell which live keys of the context's store gain, lose and die")
    .option("--audit <file>", "an audit log, - for standard input: who used lately what is lost; repeatable", addFile)
    .option("--since <duration>", "how far back --audit looks (default: 30d)")
    .option("--fail-on <what>", `exit code 1 on ${FAILURES.join(", ")}; repeatable, or with commas`, addFailures)
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["text", "json", "yaml", "markdown"]))
    .action(
      async (sides: readonly string[], { output, ...options }: Omit<DiffOptions, "sides"> & { output?: Format }) =>
        cli.show(await run({ ...options, sides }, cli.ports), output ?? null),
    )
    .addHelpText("after", "\nExit codes: 0 compared, 1 what --fail-on names, 3 a side cannot be used.");
  withExamples(
    command,
    "mcpctl roles diff --base main",
    "mcpctl roles diff old/ new/ --keys --fail-on write-growth,key-loss",
  );
}

function addFile(file: string, before: readonly string[] = []): readonly string[] {
  return [...before, file];
}

function addFailures(text: string, before: readonly Failure[] = []): readonly Failure[] {
  const words = text.split(",");
  const bad = words.find((word) => !(FAILURES as readonly string[]).includes(word));
  if (bad !== undefined) throw new InvalidArgumentError(`It must be of ${FAILURES.join(", ")}.`);
  return [...before, ...(words as readonly Failure[])];
}

export type DiffPorts = Pick<
  Ports,
  "cwd" | "label" | "now" | "progress" | "projectConfig" | "signal" | "stdin" | "store" | "tell"
>;

export async function diffRoles(options: DiffOptions, ports: DiffPorts): Promise<Result> {
  requireSides(options.sides, options.base);
  const failOn = options.failOn ?? [];
  if (failOn.includes("key-loss") && options.keys !== true) {
    throw new AppError("usage", "keys_missing", "--fail-on key-loss judges keys, and none are read", {
      hint: "Add --keys.",
    });
  }
  const { before, after } = await loadSides(options, ports);
  const diff = diffPolicies(before.policy, after.policy);
  const keys = options.keys === true ? await readStoredKeys(ports) : null;
  const effects = keys === null ? null : keyEffects(diff, after.policy.roles, keys.live);
  const uses = await readUses(options, diff, after.policy, ports);
  const hit = failOn.filter((failure) => isHit(failure, diff, effects ?? []));
  return {
    view: diffView({ before: before.label, after: after.label, diff, effects, uses, failedOn: hit }),
    notes: [...before.notes, ...after.notes],
    ...(hit.length > 0 ? { exit: 1 } : {}),
  };
}

const DEFAULT_SINCE = "30d";

/** Who used what is lost; null where no log was named. */
async function readUses(
  { audit = [], since }: DiffOptions,
  diff: PolicyDiff,
  after: Policy,
  ports: DiffPorts,
): Promise<RecordedUses | null> {
  if (audit.length === 0) {
    if (since === undefined) return null;
    throw new AppError("usage", "audit_missing", "--since says how far back --audit looks", { hint: "Add --audit." });
  }
  const from = ports.now() - 1000 * readDuration("--since", since ?? DEFAULT_SINCE, 1);
  const replay = new Replay(after);
  const counts = await readAudit(audit, { since: from, take: (call) => replay.add(call) }, ports);
  return { since: from, counts, lost: lostUses(diff, replay.report()) };
}

async function loadSides(
  { sides, base, backends = null }: Pick<DiffOptions, "sides" | "base"> & { readonly backends?: string | null },
  ports: Pick<Ports, "cwd" | "label" | "projectConfig">,
): Promise<{ readonly before: Side; readonly after: Side }> {
  const { policy } = await ports.projectConfig();
  const [first = null, second = null] = sides;
  if (base !== undefined) {
    const paths = pathsOf(first, backends, policy, ports);
    return { before: await loadSideAt(base, paths, ports), after: loadSide(paths, ports) };
  }
  return {
    before: loadSide(pathsOf(first, backends, policy, ports), ports),
    after: loadSide(pathsOf(second, backends, policy, ports), ports),
  };
}

function isHit(failure: Failure, diff: PolicyDiff, effects: readonly KeyEffect[]): boolean {
  switch (failure) {
    case "growth":
      return grantChanges(diff).some(({ grows }) => grows);
    case "write-growth":
      return grantChanges(diff).some(({ grows, isWrite }) => grows && isWrite);
    case "any":
      return diff.roles.length + diff.backends.length > 0;
    case "key-loss":
      return effects.some(({ effect }) => effect === "die");
  }
}
