import { AppError, type ExitCode } from "../../lib/errors.ts";
import { loadRegistry, requireUsable } from "../../lib/files/load-policy.ts";
import type { Undecided, Verified } from "../../lib/flow/verify/subject.ts";
import { verify } from "../../lib/flow/verify/verify.ts";
import type { CheckReport } from "../../lib/policy/check-report.ts";
import { VERIFY_RULES } from "../../lib/policy/rules/catalogue.ts";
import type { RuleSettings } from "../../lib/policy/rules/settings.ts";
import { onlyOnce, placeOrder, withLevel } from "../../lib/policy/rules/tell-findings.ts";
import type { Severity } from "../../lib/policy/source.ts";
import { plural } from "../../lib/plural.ts";
import { printable } from "../../lib/output/printable.ts";
import type { View } from "../../lib/output/view.ts";
import type { LiveLayer } from "../live.ts";
import { policyFiles } from "../policy-files.ts";
import type { Result } from "../result.ts";
import { reportView } from "../roles/report-view.ts";
import { gatherFacts, type FactPorts, type Probe } from "./gather-facts.ts";

export interface VerifyOptions {
  /** Whether every MCP server is asked for its tools. */
  readonly servers: boolean;
  readonly live: readonly LiveLayer[];
  readonly probe: Probe | null;
  readonly failOn: Severity;
}

const RANK: readonly Severity[] = ["error", "warning", "info"];

/** @throws AppError usage for a probe without a live cluster, and for whatever cannot be read or asked */
export async function verifyPromises(options: VerifyOptions, ports: FactPorts): Promise<Result> {
  requireLiveCluster(options);
  const config = await ports.projectConfig();
  const files = policyFiles(config, {}, ports);
  const registry = loadRegistry(files.backends);
  requireUsable(registry.findings);
  const gathered = await gatherFacts(config, { ...options, registry: registry.registry }, ports);
  const subject = { ...gathered, registry: registry.registry, registrySource: registry.source };
  const judged = withLevels(verify(subject), config.policy.rules);
  const report: CheckReport = {
    title: "verify",
    files: [
      { label: registry.source.file, contents: plural(registry.registry.size, "backend") },
      ...gathered.files.map((label) => ({ label, contents: "facts" })),
    ],
    findings: onlyOnce(judged.findings.toSorted(placeOrder([registry.source.file, ...gathered.files]))),
    suppressed: [],
    skipped: judged.skipped,
  };
  return { view: viewOf(report, judged.undecided), notes: gathered.notes, ...exitOf(judged, options.failOn) };
}

function requireLiveCluster({ live, probe }: VerifyOptions): void {
  if (probe === null || live.includes("kubernetes")) return;
  throw new AppError("usage", "needs_live", "--probe makes a pod in the cluster, which is not asked otherwise", {
    hint: "Add --live, or --live kubernetes.",
  });
}

/** The team may want a rule otherwise, as of `roles check`. */
function withLevels({ findings, undecided, skipped }: Verified, { levels }: RuleSettings): Verified {
  const isOff = (code: string): boolean => levels.get(code) === "skip";
  return {
    findings: findings.filter(({ code }) => !isOff(code)).map((finding) => withLevel(finding, levels)),
    undecided: undecided.filter(({ code }) => !isOff(code)),
    skipped: [
      ...VERIFY_RULES.filter(({ code }) => isOff(code)).map(({ code }) => ({ code, why: "off" })),
      ...skipped.filter(({ code }) => !isOff(code)),
    ],
  };
}

/** Something that was asked and could not be decided is no yes. */
function exitOf({ findings, undecided }: Verified, failOn: Severity): { readonly exit?: ExitCode } {
  if (findings.some(({ severity }) => RANK.indexOf(severity) <= RANK.indexOf(failOn))) return { exit: 1 };
  return undecided.length > 0 ? { exit: 7 } : {};
}

function viewOf(report: CheckReport, undecided: readonly Undecided[]): View {
  const view = reportView(report);
  const { suppressed: _, ...data } = view.data as Readonly<Record<string, unknown>>;
  return {
    ...view,
    data: { ...data, undecided },
    text: (paint) => [...undecided.map(undecidedText), view.text?.(paint) ?? ""].join("\n"),
  };
}

function undecidedText({ code, about, missing }: Undecided): string {
  return printable(`undecided ${code} ${about}: ${missing.join("; ")}`);
}
