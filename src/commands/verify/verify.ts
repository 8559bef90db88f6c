import { AppError, type ExitCode } from "../../lib/errors.ts";
import { loadRegistry, requireUsable } from "../../lib/files/load-policy.ts";
import { findingAt, type Undecided, type Verified } from "../../lib/flow/verify/subject.ts";
import { verify } from "../../lib/flow/verify/verify.ts";
import type { CheckReport } from "../../lib/policy/check-report.ts";
import { VERIFY_RULES } from "../../lib/policy/rules/catalogue.ts";
import type { RuleSettings } from "../../lib/policy/rules/settings.ts";
import { onlyOnce, placeOrder, withLevel } from "../../lib/policy/rules/tell-findings.ts";
import type { Finding, Severity } from "../../lib/policy/source.ts";
import { listSome } from "../../lib/list-some.ts";
import { plural } from "../../lib/plural.ts";
import { printable } from "../../lib/output/printable.ts";
import type { View } from "../../lib/output/view.ts";
import type { RegistryReading } from "../../lib/policy/registry.ts";
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
  return { view: viewOf(report, judged.undecided, registry), notes: gathered.notes, ...exitOf(judged, options.failOn) };
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

function viewOf(report: CheckReport, undecided: readonly Undecided[], registry: RegistryReading): View {
  const view = reportView(report);
  const { suppressed: _, ...data } = view.data as Readonly<Record<string, unknown>>;
  // Forms that have findings alone have these among them, for an exit code without a reason helps nobody.
  const findings = [...report.findings, ...undecided.map((each) => undecidedFinding(each, registry))];
  return {
    ...view,
    forms: reportView({ ...report, findings }).forms ?? {},
    data: { ...data, undecided },
    text: (paint) => [view.text?.(paint) ?? "", ...undecidedTexts(undecided)].join("\n"),
  };
}

function undecidedFinding({ code, about, missing }: Undecided, { registry, source }: RegistryReading): Finding {
  const place = registry.get(about)?.place ?? { file: source.file, line: 1, column: 1 };
  const message = `undecided for ${about}: ${missing.join("; ")}`;
  return { ...findingAt(code, place, message, null), severity: "warning", excerpt: source.line(place.line) };
}

/** What one fact would decide is told once. */
function undecidedTexts(undecided: readonly Undecided[]): readonly string[] {
  const groups = Map.groupBy(undecided, ({ missing }) => missing.join("; "));
  const lines = [...groups].map(([missing, all]) => {
    const codes = [...new Set(all.map(({ code }) => code))].join(", ");
    const abouts = listSome([...new Set(all.map(({ about }) => about))], MOST_NAMED);
    return printable(`undecided ${codes} ${abouts}: ${missing}`);
  });
  return lines.length === 0 ? [] : ["", ...lines, NEXT];
}

const MOST_NAMED = 5;
const NEXT =
  "A snapshot (`mcpctl snapshot`) or `--live` tells what the cluster and AWS hold; `policy.complete: true` says that the files are all there is.";
