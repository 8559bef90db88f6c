import type { ChalkInstance } from "chalk";
import { REASONS } from "../../lib/audit/reasons.ts";
import { beyondOf, showAwsRequest } from "../../lib/flow/tool-need.ts";
import type { AwsAnswer, KubernetesAnswer, ToolAnswer } from "../../lib/flow/judge-tool.ts";
import type { Verdict } from "../../lib/flow/verdict.ts";
import { printable } from "../../lib/output/printable.ts";
import type { AccessRequest, Decision } from "../../lib/policy/decide.ts";
import { formatPlace } from "../../lib/policy/source.ts";
import type { ToolRule } from "../../lib/policy/tools.ts";
import type { Findings } from "./answer.ts";
import { narrowingOf, ruleOf } from "./layer-data.ts";
import { describeChange, listed, openedWords } from "./remedy-words.ts";
import { LAYER_NAMES, WORDS } from "./words.ts";

/** A name, and the lines beside it; each further line is indented below the first. */
type Row = readonly [name: string, lines: readonly string[]];

export function answerText(request: AccessRequest, findings: Findings, paint: ChalkInstance): string {
  const { role, backend, tool, keyId, user } = request;
  const { outcome } = findings.answer;
  const colour = { allow: paint.green, deny: paint.red, unknown: paint.yellow }[outcome];
  const who = keyId === null ? role : `${keyId} (${user ?? "-"}, role ${role})`;
  const head = `${colour(WORDS[outcome])}  ${printable(`${who} -> ${backend}${tool === null ? "" : `, tool ${tool}`}${stopWords(findings)}`)}`;
  const rows = [...layerRows(findings), ...remedyRows(request, findings)];
  return [head, ...rows.flatMap(rowLines)].join("\n");
}

function stopWords({ answer: { stoppedBy, alsoStoppedBy }, layer }: Findings): string {
  if (stoppedBy === null || layer !== null) return "";
  const others = alsoStoppedBy.map((each) => LAYER_NAMES[each]).join(" and ");
  return `: ${LAYER_NAMES[stoppedBy]} stops it${others === "" ? "" : `, and ${others} would have`}`;
}

function layerRows({ gateway, lower, layer, leavesOut }: Findings): readonly Row[] {
  const rows: Row[] = [];
  if (layer === null || layer === "gateway") rows.push(["gateway", gatewayLines(gateway, layer === null)]);
  if (lower === null) return rows;
  if (layer === null || layer === "kubernetes") rows.push(["kubernetes", kubernetesLines(lower.kubernetes, lower)]);
  if (layer === null || layer === "aws") rows.push(["aws", awsLines(lower.aws, lower)]);
  const left = [
    ...(layer === "aws" || lower.kubernetes.items.length === 0 ? [] : leavesOut.kubernetes),
    ...(layer === "kubernetes" || lower.aws.items.length === 0 ? [] : leavesOut.aws),
  ];
  const beyond = beyondOf(lower.need);
  if (layer === null && beyond !== null)
    rows.push(["beyond", [`${beyond}: that decides after all layers, and cannot be asked`]]);
  if (layer !== "gateway" && left.length > 0) rows.push(["not asked", left]);
  return rows;
}

function gatewayLines(decision: Decision, isOneOfSeveral: boolean): readonly string[] {
  const rule = ruleOf(decision);
  const narrowing = narrowingOf(decision);
  const word = isOneOfSeveral ? `${WORDS[decision.outcome]}. ` : "";
  return [
    `${word}${REASONS[decision.reason]}`,
    ...(rule === null ? [] : [rule.place === null ? rule.text : `${formatPlace(rule.place)}: ${rule.text}`]),
    ...(narrowing === null ? [] : [narrowingWords(narrowing)]),
  ];
}

function narrowingWords({ allow, deny }: ToolRule): string {
  return `tools: allow ${(allow ?? ["*"]).join(", ") || "none"}; deny ${deny.join(", ") || "none"}`;
}

function kubernetesLines({ outcome, why, account, items }: KubernetesAnswer, { need }: ToolAnswer): readonly string[] {
  if (why !== null) return whyLines(why);
  const as = account === null ? "" : `, as ServiceAccount ${account.namespace}/${account.name}`;
  return [
    `${WORDS[outcome]}${as}${boundWords(need)}`,
    ...items.flatMap(({ step, verdict }) => verdictLines(step.shown, verdict)),
  ];
}

function awsLines({ outcome, why, role, assume, items }: AwsAnswer, { need }: ToolAnswer): readonly string[] {
  if (why !== null) return whyLines(why);
  return [
    `${WORDS[outcome]}, as ${role}${boundWords(need)}`,
    ...(assume === null ? [] : verdictLines("get the role's credentials", assume)),
    ...items.flatMap(({ request, verdict }) => [
      ...verdictLines(showAwsRequest(request), verdict),
      ...(verdict.boundary === null
        ? []
        : verdictLines("within the permissions boundary", verdict.boundary).map(indent)),
    ]),
  ];
}

/** An upper bound is read otherwise than what is exact, which must be seen. */
function boundWords({ kind }: ToolAnswer["need"]): string {
  return kind === "bound" ? "; the server says that it needs no more than this, perhaps less" : "";
}

function verdictLines(what: string, verdict: Verdict): readonly string[] {
  return [`${WORDS[verdict.outcome].padEnd(8)}${what}`, ...whereLines(verdict).map(indent)];
}

function whyLines(why: Verdict): readonly string[] {
  const [first = "", ...others] = whereLines(why);
  return [`${WORDS[why.outcome]}: ${first}`, ...others];
}

function whereLines({ text, place, source, missing }: Verdict): readonly string[] {
  const where = place === null ? (source === "live" ? "live: " : "") : `${formatPlace(place)}: `;
  return [`${where}${text}`, ...missing.map((fact) => `missing: ${fact}`)];
}

function indent(line: string): string {
  return `${" ".repeat(8)}${line}`;
}

function remedyRows(request: AccessRequest, { gateway, remedy, allowed, backend }: Findings): readonly Row[] {
  const rows: Row[] = [];
  if (remedy !== null) {
    rows.push(["to allow it", remedy.changes.map((change) => describeChange(change, request.role, request.backend))]);
    rows.push(["that opens", openedWords(remedy, request, backend)]);
  }
  if (gateway.outcome === "deny") rows.push(["who may now", [listed(allowed, "no role")]]);
  return rows;
}

function rowLines([name, lines]: Row): readonly string[] {
  const head = `  ${name}: `;
  return lines.map((line, index) => `${index === 0 ? head : " ".repeat(head.length)}${printable(line)}`);
}
