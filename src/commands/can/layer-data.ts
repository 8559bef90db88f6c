import type { AwsAnswer, KubernetesAnswer, ToolAnswer } from "../../lib/flow/judge-tool.ts";
import type { KubernetesStep } from "../../lib/flow/tool-need.ts";
import { showTemplate, type Template } from "../../lib/flow/template.ts";
import type { Layer } from "../../lib/flow/flow-answer.ts";
import type { Verdict } from "../../lib/flow/verdict.ts";
import type { Decision, Rule } from "../../lib/policy/decide.ts";
import type { ToolRule } from "../../lib/policy/tools.ts";
import type { OpenLayers } from "../layers.ts";
import { WORDS } from "./words.ts";

type LayerData = { readonly layer: Layer } & Readonly<Record<string, unknown>>;

export function gatewayData(decision: Decision): LayerData {
  const rule = ruleOf(decision);
  return {
    layer: "gateway",
    answer: WORDS[decision.outcome],
    reason: decision.reason,
    rule: rule?.text ?? null,
    place: rule?.place ?? null,
    tools: narrowingOf(decision),
  };
}

export function lowerData(
  { need, kubernetes, aws }: ToolAnswer,
  leavesOut: OpenLayers["leavesOut"],
): readonly LayerData[] {
  return [
    { ...kubernetesData(kubernetes), need: need.kind, leaves_out: leavesOut.kubernetes },
    { ...awsData(aws), need: need.kind, leaves_out: leavesOut.aws },
  ];
}

function kubernetesData({ outcome, why, account, items }: KubernetesAnswer): LayerData {
  return {
    layer: "kubernetes",
    answer: WORDS[outcome],
    why: why === null ? null : verdictData(why),
    service_account: account === null ? null : `${account.namespace}/${account.name}`,
    requests: items.map(({ step, verdict }) => ({ ...stepData(step), ...verdictData(verdict) })),
  };
}

function stepData(step: KubernetesStep): object {
  if (step.request === null) return { shown: step.shown, request: null };
  const { verb, group, resource, namespace, name } = step.request;
  return {
    shown: step.shown,
    request: {
      verb: showTemplate(verb),
      group: showTemplate(group),
      resource: showTemplate(resource),
      namespace: shownOrNull(namespace),
      name: shownOrNull(name),
    },
  };
}

function awsData({ outcome, why, role, assume, items }: AwsAnswer): LayerData {
  return {
    layer: "aws",
    answer: WORDS[outcome],
    why: why === null ? null : verdictData(why),
    iam_role: role,
    assume: assume === null ? null : verdictData(assume),
    actions: items.map(({ request, verdict }) => ({
      action: request.action,
      resource: showTemplate(request.resource),
      ...verdictData(verdict),
      boundary: verdict.boundary === null ? null : verdictData(verdict.boundary),
    })),
  };
}

function verdictData({ outcome, reason, text, place, source, missing }: Verdict): object {
  return { answer: WORDS[outcome], reason, rule: text, place, source: source === "nothing" ? null : source, missing };
}

function shownOrNull(template: Template | null): string | null {
  return template === null ? null : showTemplate(template);
}

export function ruleOf(decision: Decision): Rule | null {
  return decision.outcome === "unknown" ? null : decision.rule;
}

export function narrowingOf(decision: Decision): ToolRule | null {
  return decision.outcome === "allow" ? decision.grant.tools : null;
}
