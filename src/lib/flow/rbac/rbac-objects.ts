import { isNamespaceName } from "../../kubernetes-names.ts";
import { isTemplate } from "./template-text.ts";
import { at, hasOnly, isJsonObject, textAt } from "../../json/members.ts";
import type { FactObject } from "./fact-objects.ts";
import { isSelector, type LabelSelector } from "./label-selector.ts";

export const RBAC_GROUP = "rbac.authorization.k8s.io";

export const RBAC_KINDS = ["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"] as const;
export type RbacKind = (typeof RBAC_KINDS)[number];

/** What a Role or ClusterRole lets somebody do; rules of non-resource URLs hold no resources and match nothing here. */
export interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  /** Empty for every name. */
  readonly resourceNames: readonly string[];
}

interface RbacObject {
  readonly kind: RbacKind;
  /** Null for those of the whole cluster. */
  readonly namespace: string | null;
  readonly name: string;
  readonly object: FactObject;
}

export interface Role extends RbacObject {
  readonly rules: readonly Rule[];
  readonly labels: ReadonlyMap<string, string>;
  /** The controller fills the rules of such a ClusterRole from the roles that one of these selects; null where it does not. */
  readonly selectors: readonly LabelSelector[] | null;
  /** Did an API server print it? Then its rules are those in force. */
  readonly isPrinted: boolean;
}

export interface Subject {
  readonly kind: "ServiceAccount" | "User" | "Group";
  readonly name: string;
  /** Of a ServiceAccount. */
  readonly namespace: string;
}

export interface Binding extends RbacObject {
  readonly subjects: readonly Subject[];
  readonly role: { readonly kind: "Role" | "ClusterRole"; readonly name: string };
}

/** An RBAC object, or what keeps the API server from taking it (kubernetes, pkg/apis/rbac/validation). */
export type RbacReading = Role | Binding | string;

export function readRbac(object: FactObject): RbacReading {
  const kind = object.kind as RbacKind;
  if (object.apiVersion === "") return "it says no apiVersion";
  if (!RBAC_KINDS.includes(kind)) return "there is no such kind of RBAC";
  if (object.apiVersion !== `${RBAC_GROUP}/v1`)
    return `${object.apiVersion.slice(0, 100)} is not served, ${RBAC_GROUP}/v1 is`;
  const metadata = at(object.value, "metadata");
  const name = textAt(metadata, "name") ?? "";
  if (!isPathSegment(name)) return "its metadata.name is missing, or none that the API takes";
  if (isTemplate(textOf(object))) return "it is a template; render it first";
  const isNamespaced = kind === "Role" || kind === "RoleBinding";
  const namespace = textAt(metadata, "namespace") ?? "";
  if (isNamespaced && namespace === "") return "it says no namespace, so that it may be in any";
  if (isNamespaced && !isNamespaceName(namespace)) return "its metadata.namespace is none that the API takes";
  const common = { kind, namespace: isNamespaced ? namespace : null, name, object };
  return kind === "Role" || kind === "ClusterRole" ? readRole(common, metadata) : readBinding(common);
}

function readRole(common: RbacObject, metadata: unknown): Role | string {
  const { value } = common.object;
  const labels = at(metadata, "labels") ?? {};
  if (!isJsonObject(labels) || Object.values(labels).some((label) => typeof label !== "string"))
    return "its labels are not texts";
  const rules = at(value, "rules") ?? [];
  if (!Array.isArray(rules)) return "its rules are no list";
  const read: Rule[] = [];
  for (const [index, rule] of rules.entries()) {
    const asRule = readRule(rule, common.kind === "Role");
    if (typeof asRule === "string") return `its rule ${index + 1} ${asRule}`;
    read.push(asRule);
  }
  const selectors = selectorsOf(value);
  if (typeof selectors === "string") return selectors;
  return {
    ...common,
    rules: read,
    labels: new Map(Object.entries(labels as Readonly<Record<string, string>>)),
    selectors: common.kind === "ClusterRole" ? selectors : null,
    isPrinted: (textAt(metadata, "uid") ?? "") !== "",
  };
}

function selectorsOf(value: unknown): readonly LabelSelector[] | null | string {
  const aggregation = at(value, "aggregationRule") ?? null;
  if (aggregation === null) return null;
  const selectors = at(aggregation, "clusterRoleSelectors");
  if (!Array.isArray(selectors) || selectors.length === 0) return "its aggregationRule selects nothing";
  return selectors.every(isSelector) ? selectors : "its aggregationRule has a selector that is none";
}

/** A lax API server drops other members, and with a misspelt one all that it says. */
const RULE_MEMBERS = ["verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs"];

function readRule(rule: unknown, isOfNamespace: boolean): Rule | string {
  if (!isJsonObject(rule)) return "is no object";
  if (!hasOnly(rule, RULE_MEMBERS)) return "has a member that no rule has";
  const [verbs, apiGroups, resources, resourceNames, urls] = RULE_MEMBERS.map((name) => textsAt(rule, name));
  if (verbs == null || apiGroups == null || resources == null || resourceNames == null || urls == null)
    return "has a list that is none, or not of texts";
  if (verbs.length === 0) return "has no verbs";
  const isOfResources = apiGroups.length > 0 || resources.length > 0 || resourceNames.length > 0;
  if (urls.length > 0 && (isOfNamespace || isOfResources)) return "has nonResourceURLs where it may not";
  if (urls.length === 0 && (apiGroups.length === 0 || resources.length === 0)) return "lacks apiGroups or resources";
  return { verbs, apiGroups, resources, resourceNames };
}

function readBinding(common: RbacObject): Binding | string {
  const { value } = common.object;
  const roleRef = at(value, "roleRef");
  const [kind, name] = [textAt(roleRef, "kind"), textAt(roleRef, "name") ?? ""];
  if (kind !== "ClusterRole" && (kind !== "Role" || common.namespace === null))
    return "its roleRef.kind is none that it may bind";
  if (!["", RBAC_GROUP].includes(optionalText(roleRef, "apiGroup") ?? "?"))
    return `its roleRef.apiGroup is not ${RBAC_GROUP}`;
  if (!isPathSegment(name)) return "its roleRef.name is missing, or none that the API takes";
  const subjects = at(value, "subjects") ?? [];
  if (!Array.isArray(subjects)) return "its subjects are no list";
  const read = subjects.map((subject: unknown) => readSubject(subject, common.namespace));
  const bad = read.indexOf(null);
  if (bad >= 0) return `its subject ${bad + 1} is none that the API takes`;
  return { ...common, role: { kind, name }, subjects: read as readonly Subject[] };
}

const SUBJECT_MEMBERS = ["kind", "apiGroup", "name", "namespace"];

/** In a RoleBinding a ServiceAccount without a namespace is one of the binding's; in a ClusterRoleBinding it is none. */
function readSubject(subject: unknown, bindingNamespace: string | null): Subject | null {
  const [kind, name] = [textAt(subject, "kind"), textAt(subject, "name") ?? ""];
  const [group, written] = [optionalText(subject, "apiGroup"), optionalText(subject, "namespace")];
  if (name === "" || group === null || written === null) return null;
  if (!isJsonObject(subject) || !hasOnly(subject, SUBJECT_MEMBERS)) return null;
  if (kind === "User" || kind === "Group")
    return group === "" || group === RBAC_GROUP ? { kind, name, namespace: "" } : null;
  if (kind !== "ServiceAccount" || group !== "") return null;
  const namespace = written === "" ? bindingNamespace : written;
  if (namespace === null || !isNamespaceName(namespace) || !ACCOUNT.test(name)) return null;
  return { kind, name, namespace };
}

/** The empty text where there is none, null for what is no text: a namespace that YAML reads as a number is not none. */
function optionalText(value: unknown, name: string): string | null {
  const member = at(value, name) ?? "";
  return typeof member === "string" ? member : null;
}

/** Null for what is no list of texts. */
function textsAt(value: unknown, name: string): readonly string[] | null {
  const list = at(value, name) ?? [];
  return Array.isArray(list) && list.every((item) => typeof item === "string") ? list : null;
}

/** Whatever decides of it. */
function textOf({ value }: FactObject): string {
  const metadata = at(value, "metadata");
  const names = [at(metadata, "name"), at(metadata, "namespace")];
  return JSON.stringify([
    ...names,
    ...["roleRef", "subjects", "rules", "aggregationRule"].map((name) => at(value, name)),
  ]);
}

/** Subdomains of RFC 1123 (Kubernetes, "Object Names and IDs"), of whose parts no more is asked here than their letters. */
const ACCOUNT = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

/** The only thing asked of a name in this group (apimachinery, IsValidPathSegmentName). */
function isPathSegment(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[/%]/.test(name);
}
