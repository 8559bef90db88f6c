import type { TokenSink } from "./commands/ports.ts";
import { openTokenSecret } from "./lib/cluster/token-secret.ts";
import type { KubeApi } from "./lib/cluster/kube-api.ts";
import type { ObjectRef } from "./lib/cluster/object-ref.ts";

/** A Secret of the context's cluster, as a place for one token. `replaces` is the hash of the key that it holds. */
export async function secretSink(
  api: KubeApi,
  ref: ObjectRef,
  path: string,
  replaces: string | null,
): Promise<TokenSink> {
  const secret = await openTokenSecret(api, ref, replaces);
  const close = async (): Promise<void> => api.close();
  return { label: secret.label, path, deliver: (text) => secret.put(text.trimEnd()), close, discard: close };
}
