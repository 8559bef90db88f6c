import type { KubernetesRequest, ServiceAccount } from "../../src/lib/flow/requests.ts";
import { parseTemplate, type Template } from "../../src/lib/flow/template.ts";

/** Whole numbers from 0 up to, not including, `below`. */
type Below = (below: number) => number;

export interface RandomRbac {
  readonly account: ServiceAccount;
  /** Kubernetes objects of RBAC, each as an API server takes it. */
  readonly objects: readonly Readonly<Record<string, unknown>>[];
}

const VERBS = ["get", "list", "watch", "create", "delete", "deletecollection", "patch", "*"];
const GROUPS = ["", "apps", "*"];
const RESOURCES = ["pods", "pods/log", "*/log", "pods/*", "*", "deployments", "secrets", "namespaces", "nodes"];
const NAMES = ["a", "b", "ns-1", "*", ""];
const NAMESPACES = ["ns-1", "ns-2", "ns-3"];
const LABELS = ["to-r0", "to-r1", "to-r2"];
const API = { apiVersion: "rbac.authorization.k8s.io/v1" };
/** What arguments may be filled with. */
export const VALUES = [
  ...new Set([...VERBS, ...GROUPS, ...RESOURCES, ...NAMES, ...NAMESPACES, "log", "status", "/log"]),
];

/** A small policy made up of few words, so that most requests come near to some rule. `prefix` keeps its names apart. */
export function randomRbac(below: Below, prefix = ""): RandomRbac {
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T;
  const some = (items: readonly string[], least: number, most: number): readonly string[] =>
    Array.from({ length: least + below(most - least + 1) }, () => pick(items));
  const account = { namespace: `${prefix}${pick(NAMESPACES)}`, name: pick(["agent", "other"]) };
  const rule = (): unknown => ({
    verbs: some(VERBS, 1, 3),
    apiGroups: some(GROUPS, 1, 2),
    resources: some(RESOURCES, 1, 3),
    ...(below(4) === 0 ? { resourceNames: some(NAMES, 1, 2) } : {}),
  });
  const rules = (): unknown => Array.from({ length: below(10) === 0 ? 0 : 1 + below(3) }, rule);
  const subject = (): unknown => {
    const spaces = [account.namespace, `${prefix}${pick(NAMESPACES)}`];
    if (below(2) === 0) return { kind: "ServiceAccount", ...account };
    const users = [`system:serviceaccount:${account.namespace}:${account.name}`, account.name];
    const groups = [`system:serviceaccounts:${pick(spaces)}`, "system:masters"];
    return pick([
      { kind: "ServiceAccount", name: account.name, namespace: pick(spaces) },
      { kind: "ServiceAccount", name: pick(["agent", "other"]), namespace: account.namespace },
      { kind: "User", name: pick(users), apiGroup: "rbac.authorization.k8s.io" },
      { kind: "Group", name: pick(groups), apiGroup: "rbac.authorization.k8s.io" },
    ]);
  };
  const ofNamespace = (name: string): { readonly name: string; readonly namespace: string } => ({
    name,
    namespace: `${prefix}${pick(NAMESPACES)}`,
  });
  const roles = Array.from({ length: 3 }, (_, index) => ({
    ...API,
    kind: "Role",
    metadata: ofNamespace(`role-${index}`),
    rules: rules(),
  }));
  const clusterRoles = Array.from({ length: 4 }, (_, index) => ({
    ...API,
    kind: "ClusterRole",
    metadata: { name: `${prefix}r${index}`, labels: { [`${prefix}${pick(LABELS)}`]: "true" } },
    ...(below(4) === 0
      ? { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [`${prefix}${pick(LABELS)}`]: "true" } }] } }
      : {}),
    rules: rules(),
  }));
  const clusterRef = (): object => ({ kind: "ClusterRole", name: `${prefix}r${below(5)}` });
  const bindings = Array.from({ length: 1 + below(4) }, (_, index) => {
    const { namespace, name } = pick(roles).metadata;
    const ref = below(2) === 0 ? clusterRef() : { kind: "Role", name };
    return {
      ...API,
      kind: "RoleBinding",
      metadata: { ...ofNamespace(`binding-${index}`), ...(below(4) === 0 ? {} : { namespace }) },
      subjects: [subject(), subject()].slice(below(2)),
      roleRef: { apiGroup: "rbac.authorization.k8s.io", ...ref },
    };
  });
  const clusterBindings = Array.from({ length: below(3) }, (_, index) => ({
    ...API,
    kind: "ClusterRoleBinding",
    metadata: { name: `${prefix}binding-${index}` },
    subjects: [subject()],
    roleRef: { apiGroup: "rbac.authorization.k8s.io", ...clusterRef() },
  }));
  return { account, objects: [...roles, ...clusterRoles, ...bindings, ...clusterBindings] };
}

interface RoleLike {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly roleRef?: { readonly name: string };
}

/** A request of the same words, mostly near a rule of these objects; some of its parts are arguments, where that is asked for. */
export function randomRequest(
  below: Below,
  { objects }: RandomRbac,
  hasHoles: boolean,
  prefix = "",
): KubernetesRequest {
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T;
  const all = objects as unknown as readonly RoleLike[];
  const bound = pick(all.filter(({ roleRef }) => roleRef !== undefined));
  const near = all.filter(({ rules, metadata }) => rules !== undefined && metadata.name === bound.roleRef?.name);
  const rule = pick([...near.flatMap(({ rules = [] }) => rules), {}]);
  const part = (items: readonly string[], nearby: readonly string[] | undefined, argument: string): Template => {
    const text = pick(nearby !== undefined && below(5) > 0 ? nearby : items);
    if (!hasHoles || below(5) !== 0) return parseTemplate(text);
    return parseTemplate(pick([`{${argument}}`, `${text.slice(0, below(text.length + 1))}{${argument}}`]));
  };
  const { namespace } = bound.metadata;
  const spaces = NAMESPACES.map((name) => `${prefix}${name}`);
  return {
    verb: part(VERBS, rule["verbs"], "verb"),
    group: part(["", "", "apps"], rule["apiGroups"], "group"),
    resource: part([...RESOURCES, "pods/status", "namespaces/status"], rule["resources"], "resource"),
    namespace: below(5) === 0 ? null : part(spaces, namespace === undefined ? undefined : [namespace], "namespace"),
    name: below(2) === 0 ? null : part(["a", "b", `${prefix}ns-1`], rule["resourceNames"], "name"),
  };
}
