import type { KubeObject } from "./objects.ts";

/**
 * The parts of an ExternalSecret that decide whether it can be trusted with keys
 * (https://external-secrets.io/latest/api/externalsecret/); what is missing has the operator's default.
 */
export interface ExternalSecret extends KubeObject {
  readonly spec?: ExternalSecretSpec;
  readonly status?: ExternalSecretStatus;
}

export interface ExternalSecretSpec {
  readonly refreshPolicy?: string;
  readonly refreshInterval?: string;
  readonly secretStoreRef?: { readonly kind?: string; readonly name?: string };
  readonly target?: {
    readonly name?: string;
    readonly creationPolicy?: string;
    readonly deletionPolicy?: string;
    readonly immutable?: boolean;
    readonly template?: {
      readonly engineVersion?: string;
      readonly mergePolicy?: string;
      readonly data?: Readonly<Record<string, string>>;
      readonly templateFrom?: readonly unknown[];
    };
  };
  readonly data?: readonly unknown[];
  readonly dataFrom?: readonly DataFrom[];
}

export interface DataFrom {
  readonly find?: {
    readonly path?: string;
    readonly name?: { readonly regexp?: string };
    readonly tags?: unknown;
    readonly decodingStrategy?: string;
  };
  readonly extract?: unknown;
  readonly sourceRef?: unknown;
  readonly rewrite?: readonly {
    readonly regexp?: { readonly source?: string; readonly target?: string };
  }[];
}

export interface Condition {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface ExternalSecretStatus {
  readonly refreshTime?: string;
  /** Changes when a sync of the object as it is now has succeeded; nothing else is to be read from it. */
  readonly syncedResourceVersion?: string;
  readonly conditions?: readonly Condition[];
}

export interface SecretStore extends KubeObject {
  readonly spec?: {
    readonly provider?: { readonly aws?: { readonly service?: string; readonly region?: string } };
  };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

export function readyCondition(conditions: readonly Condition[] | undefined): Condition | null {
  return conditions?.find(({ type }) => type === "Ready") ?? null;
}
