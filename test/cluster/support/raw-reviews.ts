import type { KubeApi } from "../../../src/lib/cluster/kube-api.ts";
import type { KubernetesRequest, ServiceAccount } from "../../../src/lib/flow/requests.ts";
import { showTemplate } from "../../../src/lib/flow/template.ts";

/** What an API server answers to a request whose parts are all known; written without a look at how mcpctl asks. */
export async function rawOutcome(
  api: KubeApi,
  { namespace: home, name: accountName }: ServiceAccount,
  request: KubernetesRequest,
): Promise<"allow" | "deny" | "unknown"> {
  const ask = async (name: string): Promise<boolean> => {
    const spec = {
      user: `system:serviceaccount:${home}:${accountName}`,
      groups: ["system:serviceaccounts", `system:serviceaccounts:${home}`, "system:authenticated"],
      resourceAttributes: attributesOf(request, name),
    };
    const body = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec };
    const call = { verb: "create", resource: "subjectaccessreviews", namespace: null, name: null, body } as const;
    return (await api.send<{ status: { allowed: boolean } }>(call)).status.allowed;
  };
  const verb = showTemplate(request.verb);
  const name = request.name === null || verb === "deletecollection" ? "" : showTemplate(request.name);
  const isNamed = await ask(name);
  // Only a server-side apply creates an object by its name.
  if (verb === "create" && !showTemplate(request.resource).includes("/") && name !== "" && (await ask("")) !== isNamed)
    return "unknown";
  return isNamed ? "allow" : "deny";
}

function attributesOf(request: KubernetesRequest, name: string): object {
  const [resource = "", subresource] = showTemplate(request.resource).split("/");
  const [verb, group] = [showTemplate(request.verb), showTemplate(request.group)];
  const isOfOne = ["get", "patch", "delete", "*"].includes(verb) && resource === "namespaces" && group === "";
  const within = isOfOne && name !== "" ? name : "";
  const namespace = request.namespace === null ? within : showTemplate(request.namespace);
  return { verb, group, resource, ...(subresource === undefined ? {} : { subresource }), namespace, name };
}
