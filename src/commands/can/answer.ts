import type { ChalkInstance } from "chalk";
import type { FlowAnswer, Layer } from "../../lib/flow/flow-answer.ts";
import type { ToolAnswer } from "../../lib/flow/judge-tool.ts";
import { beyondOf } from "../../lib/flow/tool-need.ts";
import type { AccessRequest, Decision } from "../../lib/policy/decide.ts";
import { isProduction, type Backend } from "../../lib/policy/registry.ts";
import type { Remedy } from "../../lib/policy/remedy.ts";
import type { Result } from "../result.ts";
import { answerText } from "./answer-text.ts";
import { COLUMNS } from "./columns.ts";
import { gatewayData, lowerData } from "./layer-data.ts";
import type { AskedLayers } from "../layers.ts";
import { changeWords, describeChange } from "./remedy-words.ts";
import { EXITS, WORDS } from "./words.ts";

/** What was found out about a question. */
export interface Findings {
  readonly backend: Backend;
  /** The arguments of the call that were told. */
  readonly args: ReadonlyMap<string, string>;
  readonly gateway: Decision;
  /** Null where the backend alone was asked for. */
  readonly lower: ToolAnswer | null;
  readonly leavesOut: AskedLayers["leavesOut"];
  /** The only layer that was asked for; null for all of them. */
  readonly layer: Layer | null;
  readonly answer: FlowAnswer;
  /** Null where the gateway refused nothing, or no change of the roles would do. */
  readonly remedy: Remedy | null;
  /** The roles that the gateway lets do it now. */
  readonly allowed: readonly string[];
  readonly notes: readonly string[];
}

export function answer(request: AccessRequest, findings: Findings): Result {
  const { outcome } = findings.answer;
  return {
    view: {
      data: answerData(request, findings),
      text: (paint: ChalkInstance) => answerText(request, findings, paint),
      table: { columns: COLUMNS, rows: [rowOf(request, findings)] },
    },
    notes: findings.notes,
    ...(outcome === "allow" ? {} : { exit: EXITS[outcome] }),
  };
}

/** Of a layer that was not asked nothing is said. */
function rowOf({ role, backend, tool }: AccessRequest, { answer, gateway, lower, layer }: Findings): readonly string[] {
  const outcomes = { gateway: gateway.outcome, kubernetes: lower?.kubernetes.outcome, aws: lower?.aws.outcome };
  const words = (["gateway", "kubernetes", "aws"] as const).map((each) => {
    const outcome = layer === null || layer === each ? outcomes[each] : undefined;
    return outcome === undefined ? "" : WORDS[outcome];
  });
  return [role, backend, tool ?? "", WORDS[answer.outcome], ...words];
}

/** What `-o json` prints (schemas/output/can.schema.json). */
function answerData(request: AccessRequest, findings: Findings): object {
  const { backend, args, gateway, lower, leavesOut, layer, remedy, allowed } = findings;
  const layers = [gatewayData(gateway), ...(lower === null ? [] : lowerData(lower, leavesOut))];
  return {
    role: request.role,
    user: request.user,
    key: request.keyId,
    backend: request.backend,
    tool: request.tool,
    args: Object.fromEntries(args),
    answer: WORDS[findings.answer.outcome],
    stopped_by: findings.answer.stoppedBy,
    also_stopped_by: findings.answer.alsoStoppedBy,
    beyond: lower === null ? null : beyondOf(lower.need),
    layers: layers.filter((each) => layer === null || each.layer === layer),
    allowed_roles: allowed,
    remedy: remedy === null ? null : remedyData(remedy, request, backend),
  };
}

function remedyData({ changes, opens }: Remedy, { role }: AccessRequest, backend: Backend): object {
  const { name } = backend;
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
