import { validate as isPolicyTest } from "../../../generated/policy-test.js";
import type { RefusalReason } from "../../audit/reasons.ts";
import type { Policy } from "../decide.ts";
import { schemaFindings } from "../schema-findings.ts";
import { decodeSource, type Finding, type SourceText } from "../source.ts";
import { entryOf, parseYaml, type Tree } from "../yaml-source.ts";
import { KnownNames, textAt, textOf, type PolicyLabels } from "./known-names.ts";
import { describeCall, type CaseTest, type Expectation, type PolicyTest, type TestedLayer } from "./policy-test.ts";
import { readMatrix } from "./read-matrix.ts";

export interface TestsReading {
  /** What could be read; only to be run when there is no finding. */
  readonly tests: readonly PolicyTest[];
  readonly findings: readonly Finding[];
}

/**
 * What does this file expect of the policy (schemas/policy-test.schema.json)? Several documents are joined. An unknown name
 * is a finding: a test of what does not exist would be denied, and prove nothing.
 */
export function readPolicyTests(file: string, bytes: Uint8Array, policy: Policy, labels: PolicyLabels): TestsReading {
  const reading = decodeSource(file, bytes);
  if (!reading.ok) return { tests: [], findings: [reading.finding] };
  const { source } = reading;
  const { documents, findings } = parseYaml(source);
  if (findings.length > 0) return { tests: [], findings };
  const misfits = documents.flatMap((document) => schemaFindings(source, document, isPolicyTest));
  if (misfits.length > 0) return { tests: [], findings: misfits };
  const names = new KnownNames(source, policy, labels);
  const tests = documents.flatMap((document) => itemsOf(document).map((item) => readTest(source, item, names)));
  if (tests.length === 0) {
    const hint = "A file without a test would pass whatever the roles say.";
    return { tests, findings: [source.finding("MC006", 0, "the file holds no test", { isUnreadable: true, hint })] };
  }
  return { tests, findings: names.findings };
}

function itemsOf(document: Tree): readonly Tree[] {
  const tests = entryOf(document, "tests")?.value;
  return tests?.kind === "list" ? tests.items : [];
}

function readTest(source: SourceText, item: Tree, names: KnownNames): PolicyTest {
  const matrix = entryOf(item, "matrix")?.value;
  if (matrix === undefined) return readCase(source, item, names);
  const layer = entryOf(item, "layer");
  if (layer !== undefined && textAt(item, "layer") !== "gateway")
    names.refuse(layer.value.at, "a matrix is of roles and backends, which the gateway alone knows", "Write cases.");
  const name = textAt(item, "name") ?? "matrix";
  return { kind: "matrix", name, place: source.place(item.at), ...readMatrix(source, matrix, names) };
}

function readCase(source: SourceText, item: Tree, names: KnownNames): CaseTest {
  const tool = textAt(item, "tool");
  const expectation: Expectation = {
    layer: (textAt(item, "layer") ?? "gateway") as TestedLayer,
    role: textAt(item, "role") ?? "",
    backend: textAt(item, "backend") ?? "",
    method: tool === null ? textAt(item, "method") : "tools/call",
    tool,
    args: argsOf(item),
    expect: textAt(item, "expect") === "allow" ? "allow" : "deny",
    reason: textAt(item, "reason") as RefusalReason | null,
    place: source.place(item.at),
  };
  checkFields(item, expectation, names);
  if (expectation.reason !== "role_unknown") names.requireRole(entryOf(item, "role")?.value);
  if (expectation.reason !== "backend_unknown") names.requireBackend(entryOf(item, "backend")?.value);
  const name = textAt(item, "name") ?? `${describeCall(expectation)}: ${expectation.expect}`;
  return { kind: "case", name, place: expectation.place, expectation };
}

function argsOf(item: Tree): ReadonlyMap<string, string> {
  const args = entryOf(item, "args")?.value;
  return new Map(args?.kind === "map" ? args.entries.map(({ name, value }) => [name, textOf(value)]) : []);
}

function checkFields(item: Tree, { expect, reason, layer, tool }: Expectation, names: KnownNames): void {
  const method = entryOf(item, "method");
  if (method !== undefined && entryOf(item, "tool") !== undefined) {
    names.refuse(method.at, "a tool is called by tools/call, so `method` beside `tool` says nothing", "Remove it.");
  } else if (textAt(item, "method") === "tools/call") {
    names.refuse(item.at, "tools/call calls a tool, and none is named", "Name it as `tool` instead of the method.");
  }
  const args = entryOf(item, "args");
  if (args !== undefined && layer === "gateway")
    names.refuse(args.at, "the gateway does not look at `args`", "Remove them, or name another `layer`.");
  const layered = entryOf(item, "layer");
  if (layered !== undefined && layer !== "gateway" && tool === null)
    names.refuse(layered.at, `what ${layer} says depends on the tool, and none is named`, "Add `tool`.");
  const why = entryOf(item, "reason");
  if (why !== undefined && layer !== "gateway")
    names.refuse(why.at, "`reason` is from the gateway's list, and another layer is asked", "Remove it.");
  if (why !== undefined && reason !== null && expect === "allow") {
    names.refuse(why.at, "`reason` tells why a call is denied, and this one is to be allowed", "Remove it.");
  }
}
