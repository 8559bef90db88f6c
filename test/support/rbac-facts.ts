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
