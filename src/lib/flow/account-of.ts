import type { Backend } from "../policy/registry.ts";
import type { ServiceAccount } from "./requests.ts";

/** The ServiceAccount that a backend's pod runs as; null where the registry names none. */
export function accountOf({ serviceAccount }: Backend): ServiceAccount | null {
  const [namespace, name] = serviceAccount?.split("/") ?? [];
  return namespace === undefined || name === undefined ? null : { namespace, name };
}
