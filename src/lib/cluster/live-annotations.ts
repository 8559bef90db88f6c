import { askedOnce } from "../asked-once.ts";
import { AppError } from "../errors.ts";
import { roleNamedIn } from "../flow/rbac/role-annotation.ts";
import type { ServiceAccount } from "../flow/requests.ts";
import type { KubeApi } from "./kube-api.ts";
import { ifFound } from "./kube-error.ts";
import type { KubeObject } from "./objects.ts";

/**
 * Which IAM role does a ServiceAccount name, as the API server tells it? Null where it names none or does not exist,
 * `unknown` where whoever asks may not see it. Each is asked for once.
 * @throws AppError when the API server cannot be asked
 */
export function liveAnnotations(api: Pick<KubeApi, "send">): (account: ServiceAccount) => Promise<string | null> {
  return askedOnce((account) => read(api, account));
}

async function read(api: Pick<KubeApi, "send">, { namespace, name }: ServiceAccount): Promise<string | null> {
  const call = { verb: "get", resource: "serviceaccounts", namespace, name, isMetadataOnly: true } as const;
  try {
    const found = await ifFound(api.send<KubeObject>(call));
    return roleNamedIn(found?.metadata?.annotations);
  } catch (error) {
    if (error instanceof AppError && error.kind === "forbidden") return "unknown";
    throw error;
  }
}
