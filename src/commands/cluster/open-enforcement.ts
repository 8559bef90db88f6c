import type { Context, KubernetesConfig } from "../../lib/config/config.ts";
import type { Enforcement, SecretPair } from "../../lib/cluster/enforcement.ts";
import type { DenylistStore } from "../../lib/policy/denylist-store.ts";
import { PATIENCE_MS, verifyCluster } from "../../lib/cluster/pin.ts";
import { AppError } from "../../lib/errors.ts";
import type { Ports } from "../ports.ts";

/** @throws AppError for a kubeconfig that cannot be used, invalid for pairs that are none */
export async function openEnforcement(
  context: Context,
  ports: Pick<Ports, "kube" | "label" | "signal" | "tell">,
  patienceMs = PATIENCE_MS,
): Promise<Enforcement> {
  const { namedReplicas, serviceReplicas, DEFAULT_ADMIN_PORT } = await import("../../lib/cluster/replicas.ts");
  const named = context.gateway.admin.length === 0 ? null : namedReplicas(context.gateway.admin);
  const config = context.kubernetes;
  if (config === null) {
    return {
      cluster: null,
      denylist: await fileDenylist(context, ports),
      findReplicas: named,
      verify: async () => undefined,
      close: () => undefined,
    };
  }
  const { denylistMap } = await import("../../lib/cluster/denylist-map.ts");
  const pairs = pairsOf(config);
  const api = await ports.kube(config.context, { patienceMs, tell: ports.tell });
  const { namespace, denylist, gateway } = config;
  const { service, adminPort = DEFAULT_ADMIN_PORT } = gateway ?? {};
  let verified: Promise<void> | null = null;
  return {
    cluster: { api, config, pairs },
    denylist: denylist === undefined ? null : denylistMap(api, { resource: "configmaps", namespace, name: denylist }),
    findReplicas: service === undefined ? named : serviceReplicas(api, { namespace, service, adminPort }),
    verify: () => {
      verified ??= verifyCluster(api, config.cluster).catch((error: unknown) => {
        verified = null;
        throw error;
      });
      return verified;
    },
    close: () => api.close(),
  };
}

async function fileDenylist({ store }: Context, ports: Pick<Ports, "label" | "signal">): Promise<DenylistStore | null> {
  if (store.type !== "file") return null;
  const { denylistFile } = await import("../../lib/stores/denylist-file.ts");
  return denylistFile(store.denylist, ports.label(store.denylist), ports.signal);
}

/** `externalSecret` and `secret` are one name each, or lists in the same order. */
function pairsOf({ externalSecret, secret }: KubernetesConfig): readonly SecretPair[] {
  const externalSecrets = [externalSecret ?? []].flat();
  const secrets = [secret ?? []].flat();
  if (externalSecrets.length !== secrets.length)
    throw new AppError(
      "invalid",
      "secrets_unpaired",
      `mcpctl.yaml names ${externalSecrets.length} ExternalSecrets and ${secrets.length} Secrets`,
      { hint: "Give kubernetes.externalSecret and kubernetes.secret as lists of the same length, in the same order." },
    );
  return externalSecrets.map((name, index) => ({ externalSecret: name, secret: secrets[index] as string }));
}
