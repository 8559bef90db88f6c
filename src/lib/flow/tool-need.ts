import type { Backend, KindNeed, KubernetesNeed, ResourceNeed, ToolNeeds } from "../policy/registry.ts";
import { oddNames } from "./odd-names.ts";
import type { AwsRequest, KubernetesRequest } from "./requests.ts";
import { fillTemplate, holesOf, parseTemplate, showTemplate, textOf, type Template } from "./template.ts";

/** One Kubernetes request that a tool makes; `request` null where it cannot be told which, and why. */
export type KubernetesStep =
  | { readonly shown: string; readonly request: KubernetesRequest }
  | { readonly shown: string; readonly request: null; readonly why: string };

/** What a tool needs of the layers below the gateway, as far as the registry tells. */
export type ToolNeed =
  | {
      /** `exact`: it needs all of this. `bound`: it needs no more than this. */
      readonly kind: "exact" | "bound";
      readonly kubernetes: readonly KubernetesStep[];
      readonly aws: readonly AwsRequest[];
      /** What decides after all layers and cannot be asked; null where nothing does. */
      readonly beyond: string | null;
    }
  | { readonly kind: "unknown"; readonly why: string };

/** The resource that serves the objects of a kind. */
export interface KindOfObject {
  readonly group: string;
  readonly resource: string;
  readonly isNamespaced: boolean;
}

/** What discovery tells of a kind; null where nobody has told. */
export type Kinds = (apiVersion: string, kind: string) => KindOfObject | null;

/** What does this tool need, with these arguments? What an argument that is not among them says is not known. */
export function needOfTool(
  { name, tools }: Backend,
  tool: string,
  { args, kinds }: { readonly args: ReadonlyMap<string, string>; readonly kinds: Kinds },
): ToolNeed {
  const entry = toolEntry({ tools }, tool);
  if (entry === null) return { kind: "unknown", why: `the registry says nothing of the tool ${tool} of ${name}` };
  const { kubernetes, aws, declared, beyond = null } = entry;
  // An entry that says anything exactly says everything: what it leaves out is not needed.
  const isExact = kubernetes !== undefined || aws !== undefined;
  // A server takes an argument that is empty for one that is left out, and chooses itself.
  const known = isExact ? args : new Map([...args].filter(([, value]) => value !== ""));
  const fill = (text: string): Template => fillTemplate(parseTemplate(text), known);
  const stepsOf = (needs: readonly KubernetesNeed[]): readonly KubernetesStep[] =>
    needs.map((need) => stepOf(need, fill, kinds));
  if (isExact) {
    const actions = (aws ?? []).map(({ action, resource }) => ({ action, resource: fill(resource) }));
    return { kind: "exact", kubernetes: stepsOf(kubernetes ?? []), aws: actions, beyond };
  }
  const bounds = declared?.bounds;
  if (bounds === undefined) return { kind: "unknown", why: `the registry does not say what ${tool} of ${name} needs` };
  if ("unbounded" in bounds)
    return { kind: "unknown", why: `the server itself sets no bound to what ${tool} needs: ${bounds.unbounded}` };
  return { kind: "bound", kubernetes: stepsOf(bounds.kubernetes), aws: [], beyond };
}

/** What the registry says of a tool; null where it says nothing. */
export function toolEntry(
  { tools }: { readonly tools?: Backend["tools"] | undefined },
  tool: string,
): ToolNeeds | null {
  return tools !== undefined && Object.hasOwn(tools, tool) ? (tools[tool] ?? null) : null;
}

/** What decides after all layers and cannot be asked; null where nothing does, and where it is not known what is needed. */
export function beyondOf(need: ToolNeed): string | null {
  return need.kind === "unknown" ? null : need.beyond;
}

/** The arguments on which the answer about a tool may depend. */
export function argumentsOf(backend: Backend, tool: string): ReadonlySet<string> {
  const entry = toolEntry(backend, tool) ?? {};
  const bounds = entry.declared?.bounds;
  const bounded = bounds !== undefined && "kubernetes" in bounds ? bounds.kubernetes : [];
  const needs: readonly object[] = [...(entry.kubernetes ?? []), ...(entry.aws ?? []), ...bounded];
  const texts = needs.flatMap((need) => Object.values(need) as string[]);
  return new Set(texts.flatMap((text) => holesOf(parseTemplate(text))));
}

type Fill = (text: string) => Template;

function stepOf(need: KubernetesNeed, fill: Fill, kinds: Kinds): KubernetesStep {
  if ("resource" in need) return resourceStep(need, fill);
  if ("kind" in need) return kindStep(need, fill, kinds);
  const shown = `${need.verb} whatever ${need.manifest} holds`;
  return { shown, request: null, why: "which objects an argument holds is not known before the call" };
}

function resourceStep({ verb, resource, group = "", namespace, name }: ResourceNeed, fill: Fill): KubernetesStep {
  const request = {
    verb: fill(verb),
    group: fill(group),
    resource: fill(resource),
    namespace: namespace === undefined ? null : fill(namespace),
    name: name === undefined ? null : fill(name),
  };
  return stepFor(request);
}

function kindStep(
  { verb, kind, apiVersion, subresource, namespace, name }: KindNeed,
  fill: Fill,
  kinds: Kinds,
): KubernetesStep {
  const [kindText, versionText] = [textOf(fill(kind)), textOf(fill(apiVersion))];
  if (kindText === null || versionText === null) {
    const shown = `${verb} ${showTemplate(fill(kind))} of ${showTemplate(fill(apiVersion))}`;
    return { shown, request: null, why: "which kind of object the call is about is not known" };
  }
  const found = kinds(versionText, kindText);
  if (found === null) {
    const why = `no discovery tells the resource of ${kindText} in ${versionText}; a snapshot of the cluster would`;
    return { shown: `${verb} ${kindText} of ${versionText}`, request: null, why };
  }
  const resource = subresource === undefined ? found.resource : `${found.resource}/${subresource}`;
  const request = {
    verb: fill(verb),
    group: [found.group].filter((text) => text !== ""),
    resource: fill(resource),
    namespace: namespace === undefined || !found.isNamespaced ? null : fill(namespace),
    name: name === undefined ? null : fill(name),
  };
  return stepFor(request);
}

function stepFor(request: KubernetesRequest): KubernetesStep {
  const [shown, why] = [showRequest(request), oddNames(request)];
  return why === null ? { shown, request } : { shown, request: null, why };
}

/** For people, as kubectl would name it: `delete deployments.apps/scale x in namespace y`. */
function showRequest({ verb, group, resource, namespace, name }: KubernetesRequest): string {
  const [plain = "", ...sub] = showTemplate(resource).split("/");
  const groupText = showTemplate(group);
  const what = [groupText === "" ? plain : `${plain}.${groupText}`, ...sub].join("/");
  const named = name === null ? "" : ` ${showTemplate(name)}`;
  return `${showTemplate(verb)} ${what}${named}${namespace === null ? "" : ` in namespace ${showTemplate(namespace)}`}`;
}

export function showAwsRequest({ action, resource }: AwsRequest): string {
  return `${action} on ${showTemplate(resource)}`;
}
