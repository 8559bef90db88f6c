import { AppError } from "../errors.ts";
import { readRuleSettings, type RawRules } from "./rule-settings.ts";
import { parseDurationSeconds } from "../time.ts";
import type { ChosenContext, Config, Context, KeysConfig, StoreConfig } from "./config.ts";

/** A mcpctl.yaml as written, valid under its schema. */
export interface ConfigFile {
  readonly path: string;
  /** Makes a path absolute that the file gives relative to itself. */
  readonly resolve: (path: string) => string;
  readonly content: ConfigContent;
}

export interface ConfigContent {
  readonly currentContext?: string;
  readonly policy?: {
    readonly roles?: string;
    readonly backends?: string;
    readonly manifests?: readonly string[];
    readonly iam?: readonly string[];
    readonly oidcIssuer?: string;
    readonly eksCluster?: string;
    readonly complete?: boolean;
    readonly rules?: RawRules;
  };
  readonly keys?: { readonly defaultTtl?: string; readonly maxTtl?: string };
  readonly contexts?: readonly RawContext[];
}

interface RawContext {
  readonly name: string;
  readonly store:
    | { readonly type: "file"; readonly path: string; readonly denylist?: string }
    | Extract<StoreConfig, { type: "ssm" }>;
  readonly kubernetes?: NonNullable<Context["kubernetes"]>;
  readonly gateway?: { readonly url: string; readonly admin?: readonly string[] };
}

const DEFAULTS = {
  defaultTtl: "90d",
  maxTtl: "365d",
  gateway: { url: "http://127.0.0.1:8080", admin: ["http://127.0.0.1:8081"] },
} as const;

/**
 * What do these files say together? `files` has the strongest first; `fallback` resolves the built-in paths.
 * @throws AppError invalid for two contexts of one name, within a file or across them, and for impossible lifetimes.
 */
export function mergeConfig(
  files: readonly ConfigFile[],
  chosen: ChosenContext | null,
  fallback: (path: string) => string,
): Config {
  const policyFile = files.find(({ content }) => content.policy !== undefined);
  const policy = policyFile?.content.policy ?? {};
  const resolve = policyFile?.resolve ?? fallback;
  const contexts = mergeContexts(files);
  return {
    files: files.map(({ path }) => path),
    sources: files.map(({ path, content }) => ({
      path,
      currentContext: content.currentContext ?? null,
      contexts: (content.contexts ?? []).map(({ name }) => name),
    })),
    policy: {
      roles: resolve(policy.roles ?? "roles.yaml"),
      backends: resolve(policy.backends ?? "backends.yaml"),
      manifests: (policy.manifests ?? []).map(resolve),
      iam: (policy.iam ?? []).map(resolve),
      oidcIssuer: policy.oidcIssuer ?? null,
      eksCluster: policy.eksCluster ?? null,
      complete: policy.complete ?? false,
      rules: {
        ...readRuleSettings(policy.rules ?? {}),
        namespaces: contexts.flatMap(({ kubernetes }) => kubernetes?.namespace ?? []),
        parameterPaths: contexts.flatMap(({ store }) => (store.type === "ssm" ? [store.path] : [])),
      },
    },
    keys: mergeKeys(files),
    contexts: contexts.length > 0 ? contexts : [defaultContext(fallback)],
    currentContext:
      chosen?.name ?? files.find(({ content }) => content.currentContext !== undefined)?.content.currentContext ?? null,
    chosen,
  };
}

function mergeContexts(files: readonly ConfigFile[]): readonly Context[] {
  const owners = new Map<string, string>();
  const contexts: Context[] = [];
  for (const file of files) {
    for (const raw of file.content.contexts ?? []) {
      const owner = owners.get(raw.name);
      if (owner !== undefined) {
        const where = owner === file.path ? `twice in ${file.path}` : `in ${file.path} and in ${owner}`;
        throw new AppError("invalid", "context_twice", `the context "${raw.name}" stands ${where}`, {
          hint: "Rename one: a project's file cannot redefine a context of the user's file.",
        });
      }
      owners.set(raw.name, file.path);
      contexts.push(readContext(raw, file.resolve));
    }
  }
  return contexts;
}

function readContext(raw: RawContext, resolve: (path: string) => string): Context {
  return {
    name: raw.name,
    store: raw.store.type === "file" ? fileStore(raw.store.path, raw.store.denylist, resolve) : raw.store,
    kubernetes: raw.kubernetes ?? null,
    gateway: {
      url: (raw.gateway?.url ?? DEFAULTS.gateway.url).replace(/\/+$/, ""),
      // In a cluster they are found; what listens on this machine is not them.
      admin: raw.gateway?.admin ?? (raw.kubernetes === undefined ? DEFAULTS.gateway.admin : []),
    },
  };
}

function fileStore(path: string, denylist: string | undefined, resolve: (path: string) => string): StoreConfig {
  return { type: "file", path: resolve(path), denylist: resolve(denylist ?? path.replace(/[^/]*$/, "denylist.json")) };
}

function defaultContext(resolve: (path: string) => string): Context {
  const store = fileStore(".mcpctl/keys.json", undefined, resolve);
  return { name: "default", store, kubernetes: null, gateway: DEFAULTS.gateway };
}

function mergeKeys(files: readonly ConfigFile[]): KeysConfig {
  const find = (name: "defaultTtl" | "maxTtl"): string | undefined =>
    files.find(({ content }) => content.keys?.[name] !== undefined)?.content.keys?.[name];
  const most = find("maxTtl") ?? DEFAULTS.maxTtl;
  const maxTtlSeconds = ttl(most);
  // Whoever sets a lower maximum alone has not asked for a longer default.
  const isBelowDefault = maxTtlSeconds !== null && maxTtlSeconds < (ttl(DEFAULTS.defaultTtl) ?? Infinity);
  const given = find("defaultTtl") ?? (isBelowDefault ? most : DEFAULTS.defaultTtl);
  const keys = { defaultTtlSeconds: ttl(given), maxTtlSeconds };
  if (keys.maxTtlSeconds !== null && (keys.defaultTtlSeconds === null || keys.defaultTtlSeconds > keys.maxTtlSeconds)) {
    throw new AppError("invalid", "ttl_contradiction", `keys.defaultTtl ${given} is longer than keys.maxTtl ${most}`, {
      hint: "Shorten the default or raise the maximum in mcpctl.yaml.",
    });
  }
  return keys;
}

function ttl(text: string): number | null {
  if (text === "never") return null;
  const seconds = parseDurationSeconds(text);
  if (seconds === null || seconds === 0) {
    throw new AppError("invalid", "ttl_invalid", `"${text}" is not a lifetime in mcpctl.yaml`, {
      hint: "Write an integer and s, m, h or d, like 90d, or never.",
    });
  }
  return seconds;
}
