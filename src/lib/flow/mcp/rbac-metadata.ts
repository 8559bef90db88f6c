import type { Bounds, KubernetesNeed } from "../../policy/registry.ts";
import { shortText } from "./short-text.ts";

/** Under this name of a tool's `_meta` a server tells which Kubernetes requests the tool may make. */
export const RBAC_METADATA = "io.kubernetes-mcp-server/rbac";
const VERSION = "v1alpha1";
/** As many as the registry takes. */
const MAX_NEEDS = 1_000;

export type BoundsReading =
  | { readonly ok: true; readonly bounds: Bounds }
  /** It says something that is not understood: what the tool needs stays unknown. */
  | { readonly ok: false; readonly problem: string };

class Misread extends Error {}

/**
 * At most which requests does this declaration allow for (kubernetes-mcp-server, "Tool RBAC Metadata", v1alpha1)? Whatever in it
 * is not known to that version makes all of it unreadable, for a field that is passed over might have widened it.
 */
export function readRbacMetadata(metadata: unknown): BoundsReading {
  try {
    const { version, ...forms } = membersOf(metadata, ["version", "none", "bounded", "unbounded"], "the declaration");
    if (version !== VERSION) throw new Misread("its version is not known");
    const [form, value] = onlyMember(forms, "the declaration");
    return { ok: true, bounds: boundsOf(form, value) };
  } catch (error) {
    if (!(error instanceof Misread)) throw error;
    return { ok: false, problem: error.message };
  }
}

function boundsOf(form: string, value: unknown): Bounds {
  if (form === "none") {
    membersOf(value, ["reason"], form);
    return { kubernetes: [] };
  }
  if (form === "unbounded") {
    const { reason } = membersOf(value, ["reason"], form);
    if (typeof reason !== "string" || reason.trim() === "") throw new Misread("unbounded has no reason");
    return { unbounded: shortText(reason, 200) };
  }
  const { requirements } = membersOf(value, ["requirements"], form);
  if (!Array.isArray(requirements) || requirements.length === 0) throw new Misread("bounded has no requirements");
  const needs = new Map<string, KubernetesNeed>();
  for (const requirement of requirements as readonly unknown[]) {
    for (const need of needsOf(requirement)) needs.set(JSON.stringify(need), need);
    if (needs.size > MAX_NEEDS) throw new Misread(`more than ${MAX_NEEDS} requests`);
  }
  return { kubernetes: [...needs.values()] };
}

function needsOf(requirement: unknown): readonly KubernetesNeed[] {
  const { verbs, target, namespace, resourceName } = membersOf(
    requirement,
    ["verbs", "target", "namespace", "resourceName"],
    "a requirement",
  );
  if (!Array.isArray(verbs) || verbs.length === 0) throw new Misread("a requirement has no verbs");
  if (verbs.length > MAX_NEEDS) throw new Misread(`more than ${MAX_NEEDS} requests`);
  const [kind, value] = onlyMember(membersOf(target, ["resource", "gvk", "manifest"], "a target"), "a target");
  const place = placeOf(namespace);
  const name = nameOf(resourceName);
  return verbs.flatMap((each: unknown): readonly KubernetesNeed[] => {
    const verb = textOf(each, VERB, "a verb");
    if (kind === "manifest") return [{ verb, manifest: argumentOf(membersOf(value, ["argument"], kind)["argument"]) }];
    const object = kind === "resource" ? resourceOf(value) : kindOf(value);
    return namesFor(verb, object.isSubresource, name).map((named) => ({ verb, ...object.need, ...place, ...named }));
  });
}

type Named = { readonly name?: string };
const WITHOUT_NAME = new Set(["create", "list", "watch", "deletecollection"]);
/** No argument is called so: it stays unknown. */
const ANY_NAME = "{any name}";

/**
 * Which names does authorisation see? `resourceName` may stand for all verbs of a requirement, though a request to create has
 * none, and one to list has one only by a field selector; where it is left out, a request for one object still has one.
 */
function namesFor(verb: string, isSubresource: boolean, name: string | null): readonly Named[] {
  if (!WITHOUT_NAME.has(verb) || (verb === "create" && isSubresource)) return [{ name: name ?? ANY_NAME }];
  return name === null || verb === "create" ? [{}] : [{}, { name }];
}

interface Target<Need> {
  readonly need: Need;
  readonly isSubresource: boolean;
}

function resourceOf(value: unknown): Target<{ readonly resource: string; readonly group?: string }> {
  const { apiGroup, resource, subresource } = membersOf(value, ["apiGroup", "resource", "subresource"], "resource");
  const main = textOf(resource, RESOURCE, "a resource");
  const sub = isGiven(subresource) ? `/${textOf(subresource, RESOURCE, "a subresource")}` : "";
  const group = isGiven(apiGroup) ? { group: textOf(apiGroup, GROUP, "a group") } : {};
  return { need: { resource: `${main}${sub}`, ...group }, isSubresource: sub !== "" };
}

type Kind = { readonly kind: string; readonly apiVersion: string; readonly subresource?: string };

function kindOf(value: unknown): Target<Kind> {
  const { kindArgument, apiVersionArgument, subresource } = membersOf(
    value,
    ["kindArgument", "apiVersionArgument", "subresource"],
    "gvk",
  );
  const sub = isGiven(subresource) ? { subresource: textOf(subresource, RESOURCE, "a subresource") } : {};
  return {
    need: { kind: argumentOf(kindArgument), apiVersion: argumentOf(apiVersionArgument), ...sub },
    isSubresource: isGiven(subresource),
  };
}

/**
 * Of no namespace is what leaves the member out. `all` bounds what may be asked of one namespace as well: a server lists all
 * that it may see, or those of the namespace that it is told (kubernetes-mcp-server: pods_list, helm_list).
 */
const ANY_NAMESPACE = "{any namespace}";

function placeOf(value: unknown): { readonly namespace?: string } {
  if (!isPresent(value)) return {};
  const { name, argument, all } = membersOf(value, ["name", "argument", "all"], "a namespace");
  const given = [isGiven(name), isGiven(argument), all === true];
  if (given.filter(Boolean).length !== 1 || ![undefined, null, true, false].includes(all as boolean)) {
    throw new Misread("a namespace is not exactly one of name, argument and all");
  }
  if (all === true) return { namespace: ANY_NAMESPACE };
  return { namespace: isGiven(name) ? textOf(name, NAMESPACE, "a namespace") : argumentOf(argument) };
}

function nameOf(value: unknown): string | null {
  if (!isPresent(value)) return null;
  const { name, argument } = membersOf(value, ["name", "argument"], "a resource name");
  if (isGiven(name) === isGiven(argument)) throw new Misread("a resource name is not exactly one of name and argument");
  return isGiven(name) ? textOf(name, OBJECT_NAME, "a resource name") : argumentOf(argument);
}

// No wildcard is among them: as a request it would be another one than it stands for.
const VERB = /^[a-z]{1,63}$/;
const RESOURCE = /^[a-z0-9]([a-z0-9.-]{0,98}[a-z0-9])?$/;
const GROUP = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
const NAMESPACE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const OBJECT_NAME = /^[A-Za-z0-9][A-Za-z0-9._:@-]{0,252}$/;
const ARGUMENT = /^[A-Za-z_$][A-Za-z0-9_.$-]{0,99}$/;

function textOf(value: unknown, pattern: RegExp, what: string): string {
  if (typeof value !== "string" || !pattern.test(value)) throw new Misread(`${what} is not understood`);
  return value;
}

function argumentOf(value: unknown): string {
  return `{${textOf(value, ARGUMENT, "an argument")}}`;
}

/** What is null or empty is left out, as the server's own encoder has it. */
function isGiven(value: unknown): boolean {
  return isPresent(value) && value !== "";
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function membersOf(value: unknown, known: readonly string[], what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Misread(`${what} is no object`);
  const stranger = Object.keys(value).find((name) => !known.includes(name));
  if (stranger !== undefined) throw new Misread(`${what} has the unknown member "${shortText(stranger, 40)}"`);
  return { ...value };
}

function onlyMember(members: Readonly<Record<string, unknown>>, what: string): readonly [string, unknown] {
  const present = Object.entries(members).filter(([, value]) => isPresent(value));
  const [only, ...others] = present;
  if (only === undefined || others.length > 0) throw new Misread(`${what} is not exactly one of its forms`);
  return only;
}
