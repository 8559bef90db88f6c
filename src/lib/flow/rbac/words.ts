import { listSome } from "../../list-some.ts";
import type { Place } from "../../policy/source.ts";
import type { Path } from "../document.ts";
import type { Nearest } from "./nearest.ts";
import type { Binding, RbacKind, Role, Rule } from "./rbac-objects.ts";

/** A rule that a binding gives. */
export interface Granted {
  readonly binding: Binding;
  /** What is bound; null for cluster-admin, whose rules are known without seeing it. */
  readonly role: Role | null;
  /** Where the rule stands: the role itself, or one that it aggregates. */
  readonly source: Role | null;
  /** Of the rule in there, from 0. */
  readonly index: number;
  readonly rule: Rule;
}

interface Told {
  readonly text: string;
  readonly place: Place | null;
}

const MAX_SHOWN = 5;
const MAX_NAME = 100;

/** `RoleBinding team-a/viewers binds ClusterRole mcp-viewer, rule 2: get, list pods`, and where that rule stands. */
export function grantText(granted: Granted): Told {
  const { binding, index, rule } = granted;
  const where = granted.source === null ? "which may do everything" : `rule ${index + 1}: ${ruleText(rule)}`;
  return { text: `${label(binding)} binds ${roleText(granted)}, ${where}`, place: placeOf(granted) };
}

/** Why not, with the rule that came nearest. */
export function denialText(subject: string, near: Nearest | null, verb: string): Told {
  const text = `no rule allows it to ${subject}`;
  if (near === null) return { text, place: null };
  return { text: `${text}; ${nearText(near, verb)}`, place: placeOf(near.granted) };
}

function nearText({ granted, lacks }: Nearest, verb: string): string {
  const what = `${roleText(granted)} gives ${ruleText(granted.rule)}`;
  switch (lacks) {
    case "verb":
      return `${what}, not ${shortName(verb)}`;
    case "name":
      return `${what}, and no others`;
    case "namespace":
      return `${label(granted.binding)} does so in its namespace alone`;
  }
}

/** What is bound, and of an aggregated role the one that the rule is from. */
function roleText({ binding, role, source }: Granted): string {
  const bound = label(role ?? { ...binding.role, namespace: null });
  return source === null || source === role ? bound : `${bound}, which aggregates ${label(source)}`;
}

/** `get, list pods, deployments.apps named a, b`. */
function ruleText({ verbs, resources, apiGroups, resourceNames }: Rule): string {
  if (resources.length === 0) return `${listSome(verbs.map(shortName), MAX_SHOWN)} URLs`;
  const groups = apiGroups.filter((group) => group !== "");
  const suffix = groups.length === 0 ? "" : `.${listSome(groups.map(shortName), MAX_SHOWN).replaceAll(", ", "|")}`;
  const what = listSome(
    resources.map((resource) => `${shortName(resource)}${suffix}`),
    MAX_SHOWN,
  );
  const names = resourceNames.length === 0 ? "" : ` named ${listSome(resourceNames.map(shortName), MAX_SHOWN)}`;
  return `${listSome(verbs.map(shortName), MAX_SHOWN)} ${what}${names}`;
}

/** Of a role that is not among the facts, where it is bound. */
function placeOf({ binding, source, index }: Granted): Place {
  return source === null ? placeIn(binding, ["roleRef"]) : placeIn(source, ["rules", index]);
}

function placeIn({ object }: Binding | Role, path: Path): Place {
  return object.document.placeOf([...object.path, ...path]);
}

interface Labelled {
  readonly kind: RbacKind;
  readonly namespace: string | null;
  readonly name: string;
}

/** `RoleBinding team-a/viewers`, `ClusterRole mcp-viewer`. */
export function label({ kind, namespace, name }: Labelled): string {
  return `${kind} ${namespace === null ? "" : `${shortName(namespace)}/`}${shortName(name)}`;
}

/** Names have no greatest length in this group. */
export function shortName(name: string): string {
  return name.length <= MAX_NAME ? name : `${name.slice(0, MAX_NAME)}...`;
}
