import { readDocuments } from "../../src/lib/flow/document.ts";
import { readClusterFacts, type ClusterFacts } from "../../src/lib/flow/rbac/cluster-facts.ts";
import type { KubernetesRequest, ServiceAccount } from "../../src/lib/flow/requests.ts";
import { parseTemplate } from "../../src/lib/flow/template.ts";

/** The facts of one file of manifests. @throws when it cannot be read */
export function factsOf(manifests: string, isComplete: boolean): ClusterFacts {
  const { documents, findings } = readDocuments("facts.yaml", Buffer.from(manifests));
  if (findings[0] !== undefined) throw new Error(findings[0].message);
  return readClusterFacts(documents, { isComplete });
}

/** `VERB GROUP RESOURCE NAMESPACE [NAME]`; `-` is the core group, `*` cluster scope, and braces name arguments. */
export function requestOf(text: string): KubernetesRequest {
  const [verb = "", group = "", resource = "", namespace = "", name] = text.split(" ");
  return {
    verb: parseTemplate(verb),
    group: parseTemplate(group === "-" ? "" : group),
    resource: parseTemplate(resource),
    namespace: namespace === "*" ? null : parseTemplate(namespace),
    name: name === undefined ? null : parseTemplate(name),
  };
}

/** `namespace/name`. */
export function account(text: string): ServiceAccount {
  const [namespace = "", name = ""] = text.split("/");
  return { namespace, name };
}

export const RBAC = "apiVersion: rbac.authorization.k8s.io/v1";
export const role = (rules: string, name = "r"): string =>
  `{kind: ClusterRole, ${RBAC}, metadata: {name: ${name}}, rules: [${rules}]}`;
/** Texts with commas between them; `-` is the core group. */
const list = (texts: string): string => JSON.stringify(texts.split(",").map((text) => (text === "-" ? "" : text)));
export const rule = (verbs: string, groups: string, resources: string, more = ""): string =>
  `{verbs: ${list(verbs)}, apiGroups: ${list(groups)}, resources: ${list(resources)}${more}}`;
export const clusterBinding = (subject: string, name = "r"): string =>
  `{kind: ClusterRoleBinding, ${RBAC}, metadata: {name: b}, subjects: [${subject}], roleRef: {kind: ClusterRole, name: ${name}}}`;
export const binding = (namespace: string, subject: string, ref = "{kind: ClusterRole, name: r}"): string =>
  `{kind: RoleBinding, ${RBAC}, metadata: {name: b, namespace: ${namespace}}, subjects: [${subject}], roleRef: ${ref}}`;
export const SUBJECT = "{kind: ServiceAccount, name: agent, namespace: mcp}";
export const join = (...documents: readonly string[]): string => documents.join("\n---\n");
export const everywhere = (rules: string): string => join(role(rules), clusterBinding(SUBJECT));
