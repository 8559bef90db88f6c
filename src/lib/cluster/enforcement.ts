import type { Context, KubernetesConfig, SsmStoreConfig } from "../config/config.ts";
import { AppError } from "../errors.ts";
import type { DenylistStore } from "../policy/denylist-store.ts";
import type { KubeApi } from "./kube-api.ts";
import type { FindReplicas } from "./replicas.ts";

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
