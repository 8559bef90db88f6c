import { askedOnce } from "../asked-once.ts";
import { AppError } from "../errors.ts";
import { askedOf, type Asked } from "../flow/rbac/asked.ts";
import { missingArguments } from "../flow/missing-arguments.ts";
import { groupsOf, userOf } from "../flow/rbac/grants.ts";
import type { KubernetesLayer, KubernetesRequest, ServiceAccount } from "../flow/requests.ts";
import { holesOf, textOf, type Template } from "../flow/template.ts";
import type { Verdict } from "../flow/verdict.ts";
import type { KubeApi } from "./kube-api.ts";
import { kubeError, UNREADABLE } from "./kube-error.ts";
import type { KubeCall } from "./resources.ts";

/** What the API server answers (https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/subject-access-review-v1). */
interface Review {
  readonly status?: {
    readonly allowed?: boolean;
    readonly denied?: boolean;
    readonly reason?: string;
    readonly evaluationError?: string;
  };
}

type Attributes = Readonly<Record<string, string>>;

interface Question {
  readonly account: ServiceAccount;
  readonly attributes: Attributes;
}

/** Reviews under way at a time: an API server has others to serve. */
const MAX_AT_ONCE = 8;
const MAX_REASON = 300;
const RIGHT = "create subjectaccessreviews.authorization.k8s.io";

/**
 * Layer 2 as the API server itself answers, with whatever authorisers it has. It is asked as the ServiceAccount with all
 * its groups, and never with a guess for an argument: of one that is not known it is asked whether all would do.
 * @throws AppError (from `judge`) when the API server cannot be asked
 */
export function createLiveKubernetesLayer(api: Pick<KubeApi, "send">): KubernetesLayer {
  const ask = askedOnce((question: Question) => review(api, question));
  return {
    judge: async (account, requests) => {
      const verdicts: Verdict[] = [];
      for (let from = 0; from < requests.length; from += MAX_AT_ONCE) {
        const some = requests.slice(from, from + MAX_AT_ONCE);
        verdicts.push(
          ...(await Promise.all(some.map((request) => judge(request, (attributes) => ask({ account, attributes }))))),
        );
      }
      return verdicts;
    },
  };
}

type Ask = (attributes: Attributes) => Promise<Verdict>;

/** What is allowed in all namespaces and of all names is allowed whichever is meant; what is not may still be. */
async function judge(request: KubernetesRequest, ask: Ask): Promise<Verdict> {
  const asked = askedOf(request);
  const open = openArguments(asked);
  if (open.length === 0) return judgeKnown(asked, ask);
  const [names, namespaces] = [asked.names.map(widest), asked.namespaces.map(widest)];
  const wide = { ...asked, names, namespaces };
  if (openArguments(wide).length > 0) return argumentsUnknown(open);
  const verdict = await judgeKnown(wide, ask);
  return verdict.outcome === "deny" ? argumentsUnknown(open) : verdict;
}

/** In a review, no namespace stands for all of them, and no name for all names. */
function widest(template: Template): Template {
  const [only, ...others] = template;
  return typeof only === "object" && others.length === 0 ? [] : template;
}

/** Where a request may be of one form or another, only what holds for both is an answer. */
async function judgeKnown(asked: Asked, ask: Ask): Promise<Verdict> {
  const forms = asked.namespaces.flatMap((namespace) =>
    asked.names.map((name) => attributesOf(asked, textOf(namespace) ?? "", textOf(name) ?? "")),
  );
  const verdicts: Verdict[] = [];
  for (const form of forms) verdicts.push(await ask(form));
  const [first] = verdicts as [Verdict, ...Verdict[]];
  if (verdicts.every(({ outcome }) => outcome === first.outcome)) return first;
  const unknown = verdicts.find(({ outcome }) => outcome === "unknown");
  return unknown ?? nameUncertain(first);
}

function openArguments({ verb, group, resource, names, namespaces }: Asked): readonly string[] {
  return [...new Set([...namespaces, verb, group, resource, ...names].flatMap(holesOf))];
}

function attributesOf(asked: Asked, namespace: string, name: string): Attributes {
  const text = (template: Template): string => textOf(template) ?? "";
  const [resource = "", ...rest] = text(asked.resource).split("/");
  const all = {
    verb: text(asked.verb),
    group: text(asked.group),
    resource,
    subresource: rest.join("/"),
    namespace,
    name,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
}

async function review(api: Pick<KubeApi, "send">, { account, attributes }: Question): Promise<Verdict> {
  const spec = { user: userOf(account), groups: groupsOf(account.namespace), resourceAttributes: attributes };
  const body = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec };
  const call: KubeCall = { verb: "create", resource: "subjectaccessreviews", namespace: null, name: null, body };
  try {
    return verdictOf(await api.send<Review>(call), call);
  } catch (error) {
    if (error instanceof AppError && error.kind === "forbidden") return notPermitted(error);
    throw error;
  }
}

function verdictOf({ status }: Review, call: KubeCall): Verdict {
  if (typeof status?.allowed !== "boolean") throw kubeError(call, UNREADABLE, null);
  const { allowed, denied = false, reason = "", evaluationError = "" } = status;
  const said = reason === "" ? "" : `: ${reason.slice(0, MAX_REASON)}`;
  if (allowed && !denied) return live("allow", "review_allows", `the API server allows it${said}`);
  if (denied && !allowed) return live("deny", "review_denies", `the API server denies it${said}`);
  const failure = allowed ? "it says both yes and no" : evaluationError.slice(0, MAX_REASON);
  if (failure === "") return live("deny", "no_rule", `the API server knows nothing that allows it${said}`);
  return {
    ...live("unknown", "review_failed", `the API server could not decide: ${failure}`),
    missing: ["its authorisers must answer without an error"],
  };
}

function live(outcome: Verdict["outcome"], reason: string, text: string): Verdict {
  return { outcome, reason, text, place: null, source: "live", missing: [] };
}

function argumentsUnknown(names: readonly string[]): Verdict {
  return {
    ...live("unknown", "argument_unknown", "the API server cannot be asked, for the request is not wholly known"),
    source: "nothing",
    missing: missingArguments(names),
  };
}

function nameUncertain({ outcome }: Verdict): Verdict {
  const [named, unnamed] = outcome === "allow" ? ["allows", "does not allow"] : ["does not allow", "allows"];
  return {
    ...live(
      "unknown",
      "name_uncertain",
      `the API server ${named} it with the object's name, and ${unnamed} it without`,
    ),
    missing: ["whether the request names its object decides: a server-side apply does, a create does not"],
  };
}

function notPermitted(error: AppError): Verdict {
  return {
    ...live("unknown", "review_not_permitted", "the API server does not answer whoever is asking here"),
    source: "nothing",
    missing: [`the right to ${RIGHT} is needed (${error.code})`],
  };
}
