import type { ChalkInstance } from "chalk";
import { REASONS } from "../../lib/audit/reasons.ts";
import type { ExitCode } from "../../lib/errors.ts";
import { printable } from "../../lib/output/printable.ts";
import type { AccessRequest, Decision, Rule } from "../../lib/policy/decide.ts";
import { isProduction, type Backend } from "../../lib/policy/registry.ts";
import type { Remedy } from "../../lib/policy/remedy.ts";
import { formatPlace } from "../../lib/policy/source.ts";
import type { ToolRule } from "../../lib/policy/tools.ts";
import type { Result } from "../result.ts";
import { changeWords, describeChange, listed, openedWords } from "./remedy-words.ts";

/** What was found out about a question. */
export interface Findings {
  readonly backend: Backend;
  readonly decision: Decision;
  /** Whether the gateway says yes and other layers, which were not asked, may say no. */
  readonly isPartial: boolean;
  /** Null where nothing was refused, or no change of the roles would do. */
  readonly remedy: Remedy | null;
  /** The roles that may do it now. */
  readonly allowed: readonly string[];
  readonly notes: readonly string[];
}

const EXITS: Readonly<Record<Decision["outcome"], ExitCode>> = { allow: 0, deny: 1, unknown: 7 };
const WORDS = { allow: "yes", deny: "no", unknown: "unknown" } as const;

export function answer(request: AccessRequest, findings: Findings): Result {
  const { notes } = findings;
  const outcome = outcomeOf(findings);
  return {
    view: { data: answerData(request, findings), text: (paint) => answerText(request, findings, paint) },
    notes,
    ...(outcome === "allow" ? {} : { exit: EXITS[outcome] }),
  };
}

function outcomeOf({ decision, isPartial }: Findings): Decision["outcome"] {
  return isPartial ? "unknown" : decision.outcome;
}

/** What `-o json` prints (schemas/output/can.schema.json). */
function answerData({ role, backend: name, tool }: AccessRequest, findings: Findings): object {
  const { backend, decision, remedy, allowed } = findings;
  const rule = ruleOf(decision);
  const layer = {
    layer: "gateway",
    answer: WORDS[decision.outcome],
    reason: decision.reason,
    rule: rule?.text ?? null,
    place: rule?.place ?? null,
    tools: narrowingOf(decision),
  };
  return {
    role,
    backend: name,
    tool,
    answer: WORDS[outcomeOf(findings)],
    layers: [layer],
    allowed_roles: allowed,
    remedy: remedy === null ? null : remedyData(remedy, name, role, backend),
  };
}

function remedyData({ changes, opens }: Remedy, name: string, role: string, backend: Backend): object {
  return {
    changes: changes.map((change) => ({ ...changeWords(change, name), what: describeChange(change, role, name) })),
    opens: {
      is_whole: opens.isWhole,
      tools: opens.tools,
      patterns: opens.patterns,
      access: backend.access,
      environment: backend.environment,
      is_production: isProduction(backend),
    },
  };
}

function answerText(request: AccessRequest, findings: Findings, paint: ChalkInstance): string {
  const { role, backend, tool } = request;
  const { decision, remedy, allowed } = findings;
  const colour = { allow: paint.green, deny: paint.red, unknown: paint.yellow }[outcomeOf(findings)];
  const rule = ruleOf(decision);
  const where = rule === null ? [] : [rule.place === null ? rule.text : `${formatPlace(rule.place)}: ${rule.text}`];
  const narrowing = narrowingOf(decision);
  const rows: (readonly [string, readonly string[]])[] = [
    ["gateway", [REASONS[decision.reason], ...where, ...(narrowing === null ? [] : [narrowingWords(narrowing)])]],
  ];
  if (remedy !== null) {
    rows.push(["to allow it", remedy.changes.map((change) => describeChange(change, role, backend))]);
    rows.push(["that opens", openedWords(remedy, request, findings.backend)]);
  }
  if (decision.outcome === "deny") rows.push(["who may now", [listed(allowed, "no role")]]);
  const head = `${colour(WORDS[outcomeOf(findings)])}  ${role} -> ${backend}${tool === null ? "" : printable(`, tool ${tool}`)}`;
  return [head, ...rows.flatMap(([name, lines]) => rowLines(name, lines))].join("\n");
}

function rowLines(name: string, lines: readonly string[]): readonly string[] {
  const head = `  ${name}: `;
  return lines.map((line, index) => `${index === 0 ? head : " ".repeat(head.length)}${printable(line)}`);
}

function ruleOf(decision: Decision): Rule | null {
  return decision.outcome === "unknown" ? null : decision.rule;
}

function narrowingOf(decision: Decision): ToolRule | null {
  return decision.outcome === "allow" ? decision.grant.tools : null;
}

function narrowingWords({ allow, deny }: ToolRule): string {
  return `tools: allow ${(allow ?? ["*"]).join(", ") || "none"}; deny ${deny.join(", ") || "none"}`;
}
