import type { Context, KubernetesConfig, SsmStoreConfig } from "../../lib/config/config.ts";
import type { KubeApi } from "../../lib/cluster/kube-api.ts";
import type { FindReplicas } from "../../lib/cluster/replicas.ts";
import type { DenylistStore } from "../../lib/policy/denylist-store.ts";
import { AppError } from "../../lib/errors.ts";
import type { Ports } from "../ports.ts";

/** An ExternalSecret with the Secret that it renders. */
export interface SecretPair {
  readonly externalSecret: string;
  readonly secret: string;
}

export interface ClusterAccess {
  readonly api: KubeApi;
  readonly config: KubernetesConfig;
  readonly pairs: readonly SecretPair[];
}

/** What enforces the keys and locks of a context: its denylist, its gateways, and the cluster between. */
export interface Enforcement {
  /** Null in a context without a cluster. */
  readonly cluster: ClusterAccess | null;
  /** Null where the context names none. */
  readonly denylist: DenylistStore | null;
  /** Null where the context does not say where its gateways are. */
  readonly findReplicas: FindReplicas | null;
  /** Is this the pinned cluster? Asked before anything is changed. @throws AppError */
  verify(): Promise<void>;
  close(): void;
}

/** How long the API server may be away before that is told, milliseconds: a control plane that restarts is back in time. */
export const PATIENCE_MS = 15_000;

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
  const { verifyCluster } = await import("../../lib/cluster/pin.ts");
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

/** The context's store, which only SSM has an operator for. @throws AppError usage */
export function requireSsm({ name, store }: Context): SsmStoreConfig {
  if (store.type === "ssm") return store;
  throw new AppError(
    "usage",
    "nothing_to_sync",
    `the keys of context ${name} are in a file, which gateways read themselves`,
    {
      hint: "There is nothing to force. `mcpctl status` shows what the gateways have read.",
    },
  );
}
