import { redactText } from "../../audit/redact.ts";
import type { CheckReport } from "../../policy/check-report.ts";
import { ruleOf } from "../../policy/rules/catalogue.ts";
import type { Finding, Severity } from "../../policy/source.ts";
import { VERSION } from "../../../version.ts";
import { toJson } from "../to-json.ts";
import { fingerprints } from "./fingerprints.ts";
import { visible, visibleLine } from "./visible.ts";

const LEVEL: Readonly<Record<Severity, string>> = { error: "error", warning: "warning", info: "note" };

interface Told {
  readonly finding: Finding;
  /** Why it is silenced; null where it is not. */
  readonly reason: string | null;
}

/**
 * The report as SARIF 2.1.0 (OASIS), one run. `pageOf` tells the Markdown page of a rule, or null where it has none. The
 * paths are relative to %SRCROOT%, which GitHub takes for the root of the repository.
 */
export function sarifReport(report: CheckReport, pageOf: (code: string) => string | null): string {
  const all = inDocumentOrder(report);
  const codes = [...new Set(all.map(({ finding }) => finding.code))].sort();
  const hashes = fingerprints(
    all.map(({ finding }) => finding),
    report.files,
  );
  return toJson({
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "mcpctl", version: VERSION, rules: codes.map((code) => ruleObject(code, pageOf)) } },
        invocations: [{ executionSuccessful: true }],
        artifacts: report.files.map(({ label }) => ({ location: artifact(label), roles: ["analysisTarget"] })),
        results: all.map((told, index) => resultObject(told, codes, hashes[index] as string)),
        columnKind: "utf16CodeUnits",
      },
    ],
  });
}

/** Found and silenced ones together, so that silencing one changes no other's fingerprint. */
function inDocumentOrder({ findings, suppressed }: CheckReport): readonly Told[] {
  const all: Told[] = [...findings.map((finding) => ({ finding, reason: null })), ...suppressed];
  const order = new Map<string, number>();
  for (const { finding } of all) if (!order.has(finding.place.file)) order.set(finding.place.file, order.size);
  const fileOf = (told: Told): number => order.get(told.finding.place.file) ?? 0;
  return all.toSorted(
    (a, b) =>
      fileOf(a) - fileOf(b) ||
      a.finding.place.line - b.finding.place.line ||
      a.finding.place.column - b.finding.place.column,
  );
}

function ruleObject(code: string, pageOf: (code: string) => string | null): object {
  const { slug, title, severity } = ruleOf(code);
  const page = pageOf(code);
  return {
    id: code,
    name: slug,
    shortDescription: { text: title },
    help: { text: page ?? title, ...(page === null ? {} : { markdown: page }) },
    defaultConfiguration: { level: LEVEL[severity] },
  };
}

function resultObject({ finding, reason }: Told, codes: readonly string[], hash: string): object {
  const { code, severity, message, hint } = finding;
  return {
    ruleId: code,
    ruleIndex: codes.indexOf(code),
    level: LEVEL[severity],
    message: { text: [message, ...(hint === null ? [] : [hint])].map(plainMessage).join("\n") },
    locations: [{ physicalLocation: physicalLocation(finding) }],
    partialFingerprints: { primaryLocationLineHash: hash },
    suppressions: reason === null ? [] : [{ kind: "inSource", justification: visible(reason) }],
  };
}

function physicalLocation({ place, length, excerpt }: Finding): object {
  const { file, line, column } = place;
  const marked = excerpt?.slice(column - 1, column - 1 + length) ?? "";
  const region = { startLine: line, startColumn: column, endColumn: column + length };
  const context = { startLine: line, startColumn: 1, endColumn: (excerpt ?? "").length + 1 };
  return {
    artifactLocation: artifact(file),
    region: { ...region, ...(marked === "" ? {} : { snippet: { text: visibleLine(marked) } }) },
    // What holds the region must be larger than it.
    ...(excerpt !== null && excerpt.length > marked.length && excerpt.length >= column - 1 + length
      ? { contextRegion: { ...context, snippet: { text: visibleLine(excerpt) } } }
      : {}),
  };
}

/** A message may hold links, `[text](target)`: ours never do, so that what looks like one is taken apart. */
function plainMessage(text: string): string {
  return visible(text).replaceAll("](", "] (");
}

function artifact(label: string): object {
  const path = redactText(label)
    .toWellFormed()
    .split("/")
    .map((part) => encodeURIComponent(part))
    .join("/");
  return path.startsWith("/") ? { uri: `file://${path}` } : { uri: path, uriBaseId: "%SRCROOT%" };
}
