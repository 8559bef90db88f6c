import { readFile, writeFile } from "node:fs/promises";
import { eventually, freePort, startChild, type Child } from "./children.ts";
import type { Kubernetes } from "./kubernetes.ts";

/** All but those of servers that are not here, kcp, Kiali and NetObserv, which answer without asking the API server. */
const TOOLSETS = "core,config,helm,kubevirt,tekton";

/** A kubernetes-mcp-server that acts as one ServiceAccount. */
export interface McpServer extends Child {
  readonly url: string;
}

export interface McpServerOptions {
  readonly namespace: string;
  readonly name: string;
  /** The namespace of calls that name none, as the pod's own is inside a cluster; `default` unless given. */
  readonly ownNamespace?: string;
}

export async function startMcpServer(kubernetes: Kubernetes, options: McpServerOptions): Promise<McpServer> {
  const config = await kubernetes.serviceAccount(options.namespace, options.name);
  if (options.ownNamespace !== undefined) await setNamespace(config, options.ownNamespace);
  const port = String(await freePort());
  const server = startChild(process.env["MCPCTL_MCP_SERVER"] ?? "", [
    `--port=${port}`,
    "--bind-address=127.0.0.1",
    `--kubeconfig=${config}`,
    "--cluster-provider=kubeconfig",
    "--disable-multi-cluster",
    "--stateless",
    `--toolsets=${TOOLSETS}`,
  ]);
  const url = `http://127.0.0.1:${port}`;
  await eventually(
    async () => ((await fetch(`${url}/healthz`)).ok ? true : null),
    () => `kubernetes-mcp-server is not ready:\n${server.log()}`,
  );
  return { ...server, url };
}

interface Kubeconfig {
  readonly contexts: readonly { readonly name: string; readonly context: object }[];
}

async function setNamespace(path: string, namespace: string): Promise<void> {
  const config = JSON.parse(await readFile(path, "utf8")) as Kubeconfig;
  const contexts = config.contexts.map(({ name, context }) => ({ name, context: { ...context, namespace } }));
  await writeFile(path, JSON.stringify({ ...config, contexts }));
}
