import type { Backend } from "../policy/registry.ts";
import type { AwsLayer, AwsRequest, AwsVerdict, KubernetesLayer, ServiceAccount } from "./requests.ts";
import type { KubernetesStep, ToolNeed } from "./tool-need.ts";
import { outcomeOfAll, outcomeOfBound, unknownVerdict, type Verdict } from "./verdict.ts";

/** The layers below the gateway that can be asked; text for one that cannot, saying what would have to be given. */
export interface Layers {
  readonly kubernetes: KubernetesLayer | Unasked;
  readonly aws: AwsLayer | Unasked;
}

export interface Unasked {
  readonly missing: string;
}

export interface KubernetesItem {
  readonly step: KubernetesStep;
  readonly verdict: Verdict;
}

export interface KubernetesAnswer {
  readonly outcome: Verdict["outcome"];
  /** Where nothing was asked: why that is the answer; else null. */
  readonly why: Verdict | null;
  readonly account: ServiceAccount | null;
  readonly items: readonly KubernetesItem[];
}

export interface AwsItem {
  readonly request: AwsRequest;
  readonly verdict: AwsVerdict;
}

export interface AwsAnswer {
  readonly outcome: Verdict["outcome"];
  readonly why: Verdict | null;
  readonly role: string | null;
  /** Whether the pod gets the role's credentials at all; null where that was not asked. */
  readonly assume: Verdict | null;
  readonly items: readonly AwsItem[];
}

/** What the layers below the gateway say of one tool of a backend, whoever calls it. */
export interface ToolAnswer {
  readonly need: ToolNeed;
  readonly kubernetes: KubernetesAnswer;
  readonly aws: AwsAnswer;
}

/** May the pod of this backend do what the tool needs? The layers throw what asking them throws. */
export async function judgeTool(backend: Backend, need: ToolNeed, layers: Layers): Promise<ToolAnswer> {
  return {
    need,
    kubernetes: await judgeKubernetes(backend, need, layers.kubernetes),
    aws: await judgeAws(backend, need, layers.aws),
  };
}

async function judgeKubernetes(
  backend: Backend,
  need: ToolNeed,
  layer: KubernetesLayer | Unasked,
): Promise<KubernetesAnswer> {
  const account = accountOf(backend);
  if (need.kind === "unknown") return { ...withoutAsking(unknownNeed(need)), account };
  const steps = need.kubernetes;
  if (steps.length === 0) return { ...withoutAsking(nothingNeeded("Kubernetes")), account };
  if (account === null) return { ...withoutAsking(unnamed("serviceAccount", backend)), account, items: [] };
  if ("missing" in layer) return { ...withoutAsking(unasked("Kubernetes RBAC", layer)), account };
  const asked = steps.flatMap(({ request }) => (request === null ? [] : [request]));
  const answered = (await layer.judge(account, asked)).values();
  const items = steps.map((step) => ({
    step,
    verdict: step.request === null ? unresolved(step.why) : (answered.next().value as Verdict),
  }));
  const outcomes = items.map(({ verdict }) => verdict.outcome);
  return { outcome: outcomeOf(need, outcomes), why: null, account, items };
}

async function judgeAws(backend: Backend, need: ToolNeed, layer: AwsLayer | Unasked): Promise<AwsAnswer> {
  const role = backend.iamRole ?? null;
  const none = { role, assume: null };
  if (need.kind === "unknown") return { ...withoutAsking(unknownNeed(need)), ...none };
  // A server tells what it needs of Kubernetes alone; without a role its pod is nobody to AWS.
  if (need.kind === "bound" && role !== null) return { ...withoutAsking(undeclared()), ...none };
  if (need.aws.length === 0) return { ...withoutAsking(nothingNeeded("AWS")), ...none };
  if (role === null) return { ...withoutAsking(unnamed("iamRole", backend)), ...none };
  if ("missing" in layer) return { ...withoutAsking(unasked("AWS IAM", layer)), ...none };
  const account = accountOf(backend);
  const assume = account === null ? unnamed("serviceAccount", backend) : await layer.canAssume(role, account);
  const verdicts = await layer.judge(role, need.aws);
  const items = need.aws.map((request, index) => ({ request, verdict: verdicts[index] as AwsVerdict }));
  const outcome = outcomeOf(
    need,
    items.map(({ verdict }) => verdict.outcome),
  );
  // Without credentials nothing works; with them it is for the actions to say.
  return { outcome: outcomeOfAll([assume.outcome, outcome]), why: null, role, assume, items };
}

function outcomeOf({ kind }: ToolNeed, outcomes: readonly Verdict["outcome"][]): Verdict["outcome"] {
  return kind === "bound" ? outcomeOfBound(outcomes) : outcomeOfAll(outcomes);
}

function accountOf({ serviceAccount }: Backend): ServiceAccount | null {
  const [namespace, name] = serviceAccount?.split("/") ?? [];
  return namespace === undefined || name === undefined ? null : { namespace, name };
}

function withoutAsking(why: Verdict): { outcome: Verdict["outcome"]; why: Verdict; items: readonly never[] } {
  return { outcome: why.outcome, why, items: [] };
}

function nothingNeeded(system: string): Verdict {
  return {
    outcome: "allow",
    reason: "nothing_needed",
    text: `the tool needs nothing of ${system}`,
    place: null,
    source: "file",
    missing: [],
  };
}

function unknownNeed({ why }: Extract<ToolNeed, { kind: "unknown" }>): Verdict {
  return unknownVerdict("need_unknown", why, ["what the tool needs, in the registry (`mcpctl backends import`)"]);
}

function unnamed(field: "serviceAccount" | "iamRole", { name }: Backend): Verdict {
  return unknownVerdict(
    `${field === "iamRole" ? "iam_role" : "service_account"}_unknown`,
    `the registry names no ${field} of ${name}`,
    [`${field} of ${name}, in the registry`],
  );
}

function unasked(system: string, { missing }: Unasked): Verdict {
  return unknownVerdict("not_asked", `${system} was not asked`, [missing]);
}

function undeclared(): Verdict {
  return unknownVerdict("need_unknown", "the server declares what it needs of Kubernetes, and nothing of AWS", [
    "what the tool needs of AWS, exactly, in the registry",
  ]);
}

function unresolved(why: string): Verdict {
  return unknownVerdict("request_unknown", why, []);
}
