import { existsSync } from "node:fs";
import type { Agent, RequestOptions } from "node:https";
import { delimiter, join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { AppError } from "../errors.ts";

/** A way to one API server, and to prove to it who asks. */
export interface Connection {
  readonly server: URL;
  /** TLS, agent and credentials of one request; short-lived tokens are renewed on the way. @throws AppError unauthenticated */
  readonly secured: () => Promise<RequestOptions>;
  close(): void;
}

export interface ConnectOptions {
  /** A context of the kubeconfig; null for the ServiceAccount of the pod this runs in, or else the current context. */
  readonly context: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

/**
 * Reads the kubeconfig as kubectl does (KUBECONFIG, ~/.kube/config), or what a pod is given.
 * @throws AppError not-found for a context that is not there, invalid for a kubeconfig that cannot be read
 */
export function connect(options: ConnectOptions): Connection {
  const { context } = options;
  const config = new KubeConfig();
  try {
    load(config, options);
  } catch (cause) {
    throw new AppError("invalid", "kubeconfig_unreadable", "the kubeconfig cannot be read", {
      hint: "Check it with `kubectl config view`.",
      cause,
    });
  }
  if (context !== null) useContext(config, context);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw new AppError("not-found", "kube_context_missing", "the kubeconfig names no cluster to talk to", {
      hint: "Choose a context with `kubectl config use-context`, or name one as kubernetes.context in mcpctl.yaml.",
    });
  }
  const agents = new Set<Agent>();
  return {
    server: serverOf(cluster.server),
    secured: async () => {
      const options: RequestOptions = {};
      try {
        await config.applyToHTTPSOptions(options);
      } catch (cause) {
        throw new AppError("unauthenticated", "kube_credentials_failed", "the kubeconfig's credentials failed", {
          hint: "Try `kubectl get --raw /version` with the same context; log in again where that fails, too.",
          cause,
        });
      }
      const agent = options.agent as (Agent & { keepAlive: boolean }) | undefined;
      if (agent !== undefined) {
        // The library makes agents that open a connection for each request.
        agent.keepAlive = true;
        agents.add(agent);
      }
      return options;
    },
    close: () => {
      for (const agent of agents) agent.destroy();
    },
  };
}

function serverOf(text: string): URL {
  const url = URL.parse(text);
  if (url !== null && (url.protocol === "https:" || url.protocol === "http:")) return url;
  throw new AppError("invalid", "kube_server_invalid", `the kubeconfig's server "${text.slice(0, 200)}" is no URL`, {
    hint: "Write it as https://HOST:PORT.",
  });
}

function load(config: KubeConfig, { context, env, home }: ConnectOptions): void {
  if (context === null && env["KUBERNETES_SERVICE_HOST"] !== undefined) return config.loadFromCluster();
  const named = env["KUBECONFIG"]?.split(delimiter).filter(Boolean);
  const [first, ...others] = (named ?? [join(home, ".kube", "config")]).filter((path) => existsSync(path));
  if (first === undefined) return;
  config.loadFromFile(first);
  for (const path of others) {
    const other = new KubeConfig();
    other.loadFromFile(path);
    config.mergeConfig(other, true);
  }
}

function useContext(config: KubeConfig, name: string): void {
  if (config.getContextObject(name) === null) {
    const known = config.getContexts().map((context) => context.name);
    throw new AppError("not-found", "kube_context_not_found", `the kubeconfig has no context "${name}"`, {
      hint:
        known.length === 0
          ? "KUBECONFIG, or ~/.kube/config, holds none at all."
          : `It has: ${known.slice(0, 20).join(", ")}. mcpctl.yaml names it as kubernetes.context.`,
    });
  }
  config.setCurrentContext(name);
}
