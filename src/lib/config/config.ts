import { AppError } from "../errors.ts";
import type { RuleSettings } from "../policy/rules/settings.ts";
import { nearest } from "../suggest.ts";

export interface FileStoreConfig {
  readonly type: "file";
  readonly path: string;
  readonly denylist: string;
}

export interface SsmStoreConfig {
  readonly type: "ssm";
  readonly path: string;
  readonly region: string;
  readonly account: string;
  readonly kmsKeyId?: string;
}

export type StoreConfig = FileStoreConfig | SsmStoreConfig;

/** How a context reaches its cluster; `cluster` is the UID of the kube-system namespace. */
export interface KubernetesConfig {
  readonly context: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly externalSecret?: string | readonly string[];
  readonly secret?: string | readonly string[];
  readonly denylist?: string;
  readonly gateway?: { readonly service: string; readonly adminPort?: number };
}

export interface GatewayConfig {
  readonly url: string;
  readonly admin: readonly string[];
}

/** A store, the gateways that enforce it, and the cluster between them. */
export interface Context {
  readonly name: string;
  readonly store: StoreConfig;
  readonly kubernetes: KubernetesConfig | null;
  readonly gateway: GatewayConfig;
}

export interface PolicyConfig {
  readonly roles: string;
  readonly backends: string;
  readonly manifests: readonly string[];
  readonly iam: readonly string[];
  /** Of the cluster that the MCP servers run in: where the tokens of its ServiceAccounts are from, for IRSA. */
  readonly oidcIssuer: string | null;
  /** Its name in EKS, for Pod Identity. */
  readonly eksCluster: string | null;
  readonly complete: boolean;
  /** How `roles check` judges. */
  readonly rules: RuleSettings;
}

/** A key's life in seconds; null for never. */
export interface KeysConfig {
  readonly defaultTtlSeconds: number | null;
  readonly maxTtlSeconds: number | null;
}

/** What one file says of contexts. */
export interface ConfigSource {
  readonly path: string;
  readonly currentContext: string | null;
  /** The names of the contexts that it defines. */
  readonly contexts: readonly string[];
}

/** A context chosen for one command, and by what. */
export interface ChosenContext {
  readonly name: string;
  readonly by: "--context" | "MCPCTL_CONTEXT";
}

export interface Config {
  /** The files it came from, the strongest first. */
  readonly files: readonly string[];
  /** What each of them says of contexts. */
  readonly sources: readonly ConfigSource[];
  readonly policy: PolicyConfig;
  readonly keys: KeysConfig;
  readonly contexts: readonly Context[];
  /** From flag, environment, project or user file, in that order; null where none says. */
  readonly currentContext: string | null;
  /** What stands above every file, when something does. */
  readonly chosen: ChosenContext | null;
}

/**
 * The context that a command acts in.
 * @throws AppError not-found when there is none of that name, usage when several could be meant.
 */
export function currentContext(config: Config): Context {
  const names = config.contexts.map(({ name }) => name);
  if (config.currentContext === null) {
    const [only] = config.contexts;
    if (only !== undefined && names.length === 1) return only;
    throw new AppError("usage", "context_not_named", "no context is current, and there are several", {
      hint: `Name one with --context: ${names.join(", ")}.`,
    });
  }
  return requireContext(config, config.currentContext);
}

/** @throws AppError not-found when there is none of that name. */
export function requireContext({ contexts }: Config, name: string): Context {
  const found = contexts.find((context) => context.name === name);
  if (found !== undefined) return found;
  const names = contexts.map((context) => context.name);
  const near = nearest(name, names);
  throw new AppError("not-found", "context_not_found", `there is no context "${name.slice(0, 80)}"`, {
    hint: near === null ? `Contexts: ${names.join(", ")}.` : `Did you mean ${near}?`,
  });
}
