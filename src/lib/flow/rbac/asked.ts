import type { KubernetesRequest } from "../requests.ts";
import { holesOf, matchText, textOf, type Match, type Template } from "../template.ts";
import type { Rule } from "./rbac-objects.ts";

/**
 * A request as authorisation sees it. Where the registry leaves two possibilities open, both are there: the name of an
 * object that is created is only sent by a server-side apply, and a request for one namespace is made within it.
 */
export interface Asked {
  readonly verb: Template;
  readonly group: Template;
  readonly resource: Template;
  /** Possible names of the object; the empty text for a request that names none. */
  readonly names: readonly Template[];
  /** Possible namespaces; the empty text for cluster scope. */
  readonly namespaces: readonly Template[];
}

const NONE: Template = [];
export const NAMELESS_VERBS: readonly string[] = ["list", "watch", "create", "deletecollection"];
const NAMESPACES = ["namespaces", "namespaces/status", "namespaces/finalize"];

/** Which attributes does the API server derive from such a request (apiserver, RequestInfo)? */
export function askedOf(request: KubernetesRequest): Asked {
  const { verb, group } = request;
  const known = textOf(request.resource);
  const resource = known?.endsWith("/") === true ? [known.slice(0, -1)] : request.resource;
  return { verb, group, resource, names: namesOf(request), namespaces: namespacesOf(request) };
}

function namesOf({ verb, resource, name }: KubernetesRequest): readonly Template[] {
  if (name === null || textOf(name) === "") return [NONE];
  const isCollection = matchText(verb, "deletecollection");
  if (isCollection === "yes") return [NONE];
  // A subresource like pods/eviction is created in an object that the path names.
  const isCreated = and(matchText(verb, "create"), hasSubresource(resource) === "yes" ? "no" : "yes");
  return isCollection === "no" && isCreated === "no" ? [name] : [name, NONE];
}

function namespacesOf(request: KubernetesRequest): readonly Template[] {
  const namespace = request.namespace ?? NONE;
  const isUnsaid = matchText(namespace, "");
  const isWithin = isUnsaid === "no" ? "no" : isOneNamespace(request);
  if (isWithin === "no") return [namespace];
  const itself = request.name ?? NONE;
  return isWithin === "yes" && isUnsaid === "yes" ? [itself] : [namespace, itself];
}

/** Is this about one Namespace, as in `get namespaces/foo`, which is authorised within namespace foo? */
function isOneNamespace({ verb, group, resource, name }: KubernetesRequest): Match {
  if (name === null || textOf(name) === "") return "no";
  const isNameless = or(NAMELESS_VERBS.map((text) => matchText(verb, text)));
  return [matchText(group, ""), or(NAMESPACES.map((text) => matchText(resource, text))), not(isNameless)].reduce(and);
}

/** Does the rule allow it, leaving aside where? */
export function matchRule(rule: Rule, asked: Asked): Match {
  const isVerb = some(rule.verbs, (verb) => (verb === "*" ? "yes" : matchText(asked.verb, verb)));
  if (isVerb === "no") return "no";
  const isGroup = some(rule.apiGroups, (group) => (group === "*" ? "yes" : matchText(asked.group, group)));
  if (isGroup === "no") return "no";
  const isResource = some(rule.resources, (resource) => matchResource(asked.resource, resource));
  if (isResource === "no") return "no";
  return and(and(isVerb, isGroup), and(isResource, matchNames(rule, asked)));
}

/** No name matches `*`; a rule without names allows all. */
function matchNames({ resourceNames }: Rule, { names }: Asked): Match {
  if (resourceNames.length === 0) return "yes";
  return all(names.map((name) => some(resourceNames, (text) => matchText(name, text))));
}

/** Is a binding of this namespace looked at? */
export function matchNamespace({ namespaces }: Asked, namespace: string): Match {
  return all(namespaces.map((asked) => matchText(asked, namespace)));
}

// A star is everything, subresources too; a star before /log is that subresource of anything; `pods` does not cover
// `pods/log`, and a star behind the slash is no wildcard.
function matchResource(asked: Template, resource: string): Match {
  if (resource === "*") return "yes";
  const isSame = matchText(asked, resource);
  if (isSame !== "no") return isSame;
  // An argument without a value leaves no subresource.
  if (!resource.includes("/") && matchText(asked, `${resource}/`) !== "no") return "maybe";
  return resource.startsWith("*/") ? matchSubresource(asked, resource.slice(2)) : "no";
}

function matchSubresource(asked: Template, subresource: string): Match {
  if (subresource === "") return "no";
  const [first, ...rest] = asked;
  const slash = typeof first === "string" ? first.indexOf("/") : -1;
  if (slash >= 0)
    return matchText(
      [(first as string).slice(slash + 1), ...rest].filter((part) => part !== ""),
      subresource,
    );
  if (textOf(asked) !== null) return "no";
  // Which slash is the first one depends on an argument.
  const last = asked.at(-1);
  if (typeof last !== "string") return "maybe";
  return `/${subresource}`.endsWith(last) || last.endsWith(`/${subresource}`) ? "maybe" : "no";
}

function hasSubresource(resource: Template): Match {
  const [first] = resource;
  if (typeof first === "string" && /\/./.test(first)) return "yes";
  return textOf(resource) === null ? "maybe" : "no";
}

/** The arguments on which it depends whether this rule of a binding in this namespace allows it. */
export function argumentsBetween(rule: Rule, asked: Asked, namespace: string | null): readonly string[] {
  const parts: (readonly [Match, readonly Template[]])[] = [
    [namespace === null ? "yes" : matchNamespace(asked, namespace), asked.namespaces],
    [some(rule.verbs, (verb) => (verb === "*" ? "yes" : matchText(asked.verb, verb))), [asked.verb]],
    [some(rule.apiGroups, (group) => (group === "*" ? "yes" : matchText(asked.group, group))), [asked.group]],
    [some(rule.resources, (resource) => matchResource(asked.resource, resource)), [asked.resource]],
    [matchNames(rule, asked), asked.names],
  ];
  const open = parts.filter(([match]) => match === "maybe").flatMap(([, templates]) => templates);
  return [...new Set(open.flatMap(holesOf))];
}

export function and(a: Match, b: Match): Match {
  if (a === "no" || b === "no") return "no";
  return a === "yes" && b === "yes" ? "yes" : "maybe";
}

function not(match: Match): Match {
  if (match === "maybe") return "maybe";
  return match === "yes" ? "no" : "yes";
}

function or(matches: readonly Match[]): Match {
  return some(matches, (match) => match);
}

/** Yes where one surely matches, no where none can. */
export function some<T>(items: readonly T[], match: (item: T) => Match): Match {
  let found: Match = "no";
  for (const item of items) {
    const one = match(item);
    if (one === "yes") return "yes";
    if (one === "maybe") found = "maybe";
  }
  return found;
}

/** Of several possibilities: yes where it is so in all, no where in none. */
export function all(matches: readonly Match[]): Match {
  const [first = "no"] = matches;
  return matches.every((match) => match === first) ? first : "maybe";
}
