import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { snapshotCluster } from "../../../src/lib/cluster/snapshot-cluster.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway.ts";
import { makeProject, type Project } from "../../support/run-cli.ts";
import { startKubernetes, type Kubernetes } from "./kubernetes.ts";
import { ACCOUNTS, SERVERS } from "./mcp-accounts.ts";
import type { ToolCall } from "./mcp-calls.ts";
import { makeObjects } from "./mcp-objects.ts";
import { startMcpServer } from "./mcp-server.ts";
import { makeRequestLog, type LoggedRequest } from "./request-log.ts";

const ROLE = "dev-readonly";

/** What became of a call, and what was asked of the API server for it. */
export interface Happened {
  readonly isError: boolean;
  readonly text: string;
  readonly requests: readonly LoggedRequest[];
}

/**
 * kubernetes-mcp-server behind the gateway, once for each ServiceAccount, on an API server; and a project whose registry
 * was imported from the servers, and whose facts are a snapshot of the cluster.
 */
export interface McpStage {
  readonly kubernetes: Kubernetes;
  readonly project: Project;
  readonly gateway: TestGateway;
  /** A Helm chart of one ConfigMap. */
  readonly chart: string;
  /** What `can` says of the call. */
  promised(account: string, call: ToolCall): Promise<Json>;
  /** Makes the call, through the gateway. */
  call(account: string, call: ToolCall): Promise<Happened>;
  stop(): Promise<void>;
}

type Json = Readonly<Record<string, unknown>>;

export async function startMcpStage(): Promise<McpStage> {
  const log = await makeRequestLog(SERVERS);
  const kubernetes = await startKubernetes([], log.flags);
  await makeObjects(kubernetes);
  const names = Object.keys(ACCOUNTS);
  const servers = await Promise.all(
    names.map((name) => startMcpServer(kubernetes, { namespace: SERVERS, name, ...ACCOUNTS[name] })),
  );
  const project = await makeProject();
  const put = (name: string, content: unknown): Promise<void> =>
    writeFile(join(project.cwd, name), typeof content === "string" ? content : JSON.stringify(content));
  await put("roles.yaml", { roleMapping: { [ROLE]: names } });
  await put("backends.yaml", registryOf(names, servers.map(({ url }) => url)));
  await put("mcpctl.yaml", { policy: { manifests: ["snapshot.json"] } });
  for (const name of names) {
    const { code, err } = await project.run(["backends", "import", name, "--yes"]);
    if (code !== 0) throw new Error(err);
  }
  const { snapshot } = await snapshotCluster(kubernetes.admin, { takenAt: "2026-11-28T00:00:00Z" });
  await put("snapshot.json", snapshot);
  const read = (name: string): Promise<string> => readFile(join(project.cwd, name), "utf8");
  const files = { roles: await read("roles.yaml"), backends: await read("backends.yaml") };
  const gateway = await startTestGateway({}, files);
  const clients = new Map(
    await Promise.all(names.map(async (name) => [name, await connect(gateway, name)] as const)),
  );
  const follow = new Map(names.map((name) => [name, log.follow(name)]));
  for (const name of names) await follow.get(name)?.();
  return {
    kubernetes,
    project,
    gateway,
    chart: await makeChart(project.cwd),
    promised: async (account, { tool, args }) => {
      const given = Object.entries(args).flatMap(([name, value]) =>
        typeof value === "object" ? [] : ["--arg", `${name}=${String(value)}`],
      );
      const { out, err } = await project.run(["can", ROLE, account, tool, ...given, "-o", "json"]);
      if (out === "") throw new Error(err);
      return JSON.parse(out) as Json;
    },
    call: async (account, { tool, args }) => {
      const answer = (await clients.get(account)?.callTool({ name: tool, arguments: args })) as Json;
      const text = (answer["content"] as readonly Json[]).map((part) => part["text"]).join("\n");
      return { isError: answer["isError"] === true, text, requests: (await follow.get(account)?.()) ?? [] };
    },
    stop: async () => {
      await Promise.all([...clients.values()].map((client) => client.close()));
      await gateway.close();
      await Promise.all(servers.map((server) => server.stop()));
      await kubernetes.stop();
      await project.remove();
      await log.remove();
    },
  };
}

function registryOf(names: readonly string[], urls: readonly string[]): string {
  const entries = names.map((name, index) => {
    const words = "service: eks, environment: stage, access: rw, owner: platform";
    return `  ${name}:\n    ${words.split(", ").join("\n    ")}\n    url: "${urls[index]}"\n    serviceAccount: ${SERVERS}/${name}\n`;
  });
  return `backends:\n${entries.join("")}`;
}

async function connect(gateway: TestGateway, backend: string): Promise<Client> {
  const headers = { authorization: `Bearer ${gateway.key.token.reveal()}` };
  const client = new Client({ name: "agent", version: "1.0.0" });
  const url = new URL(`${gateway.url}/mcp/${backend}/mcp`);
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
  return client;
}

async function makeChart(folder: string): Promise<string> {
  const chart = join(folder, "chart");
  await mkdir(join(chart, "templates"), { recursive: true });
  await writeFile(join(chart, "Chart.yaml"), JSON.stringify({ apiVersion: "v2", name: "chart", version: "1.0.0" }));
  const made = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{ .Release.Name }}-chart"}}';
  await writeFile(join(chart, "templates", "made.yaml"), made);
  return chart;
}
