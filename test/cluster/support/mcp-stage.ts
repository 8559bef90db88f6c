import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { snapshotCluster } from "../../../src/lib/cluster/snapshot-cluster.ts";
import { keysJson, startTestGateway, type TestGateway } from "../../support/gateway.ts";
import { mintedKeys } from "../../support/run-cli.ts";
import type { MintedKey } from "../../../src/lib/keys/key.ts";
import { startKubernetes } from "./kubernetes.ts";
import { ACCOUNTS, SERVERS } from "./mcp-accounts.ts";
import { callsOf, type ToolCall } from "./mcp-calls.ts";
import { makeObjects } from "./mcp-objects.ts";
import { makeBackendProject, ROLE, type BackendProject, type Promised } from "./mcp-project.ts";
import { startMcpServer } from "./mcp-server.ts";
import { makeRequestLog, type RequestLog } from "./request-log.ts";

/** `in part`: some of its requests were refused, and others were not. `failed`: none was, and yet there is an error. */
export type Outcome = "worked" | "refused" | "in part" | "failed";

/** A call, what was said of it, and what happened. */
export interface Told extends ToolCall, Promised {
  readonly account: string;
  readonly outcome: Outcome;
  /** Whether the server says that it failed. */
  readonly isError: boolean;
  readonly text: string;
  /** Requests to the API server, as its audit log has them, with a mark at those that were refused. */
  readonly requests: readonly string[];
}

/**
 * kubernetes-mcp-server behind the gateway, once for each ServiceAccount, on an API server; with what mcpctl says of every
 * call, by a snapshot that was taken before, and what became of it.
 */
export interface McpStage {
  readonly gateway: TestGateway;
  /** The tools of each backend, as imported. */
  readonly tools: ReadonlyMap<string, readonly string[]>;
  /** Makes every call of every account. */
  callAll(): Promise<readonly Told[]>;
  stop(): Promise<void>;
}

export async function startMcpStage(): Promise<McpStage> {
  const log = await makeRequestLog(SERVERS);
  const kubernetes = await startKubernetes([], log.flags);
  await makeObjects(kubernetes);
  const names = Object.keys(ACCOUNTS);
  const { snapshot } = await snapshotCluster(kubernetes.admin, { takenAt: "2026-11-28T00:00:00Z" });
  const servers = await Promise.all(
    names.map((name) => startMcpServer(kubernetes, { namespace: SERVERS, name, ...ACCOUNTS[name] })),
  );
  const projects = await Promise.all(
    names.map((name, index) =>
      makeBackendProject({ name, url: servers[index]?.url ?? "", snapshot, api: kubernetes.admin }),
    ),
  );
  const [key] = mintedKeys(1) as readonly [MintedKey];
  const gateway = await startTestGateway(
    {},
    {
      keys: keysJson(key, {}, `${ROLE}/agent-01`),
      roles: `roleMapping:\n  ${ROLE}: [${names.join(", ")}]\n`,
      backends: `backends:\n${projects.map(({ backends }) => backends.replace("backends:\n", "")).join("")}`,
    },
  );
  const chart = await makeChart();
  const callAllOf = async (name: string, project: BackendProject): Promise<readonly Told[]> => {
    const call = await connect({ gateway, key, name, log });
    const told: Told[] = [];
    for (const one of callsOf(name, chart)) {
      const promised = await project.promised(one);
      told.push({ account: name, ...one, ...promised, ...(await call(one)) });
    }
    return told;
  };
  return {
    gateway,
    tools: new Map(names.map((name, index) => [name, projects[index]?.tools ?? []])),
    callAll: async () =>
      (await Promise.all(names.map((name, index) => callAllOf(name, projects[index] as BackendProject)))).flat(),
    stop: async () => {
      await gateway.close();
      await Promise.all(servers.map((server) => server.stop()));
      await kubernetes.stop();
      await Promise.all(projects.map((project) => project.remove()));
      await log.remove();
      await rm(chart, { recursive: true });
    },
  };
}

interface Agent {
  readonly gateway: TestGateway;
  readonly key: MintedKey;
  readonly name: string;
  readonly log: RequestLog;
}

/** An MCP client of one backend, by way of the gateway. */
async function connect({ gateway, key, name, log }: Agent) {
  const client = new Client({ name: "agent", version: "1.0.0" });
  const headers = { authorization: `Bearer ${key.token.reveal()}` };
  const url = new URL(`${gateway.url}/mcp/${name}/mcp`);
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
  const follow = log.follow(name);
  await follow();
  return async ({ tool, args }: ToolCall): Promise<Pick<Told, "outcome" | "isError" | "text" | "requests">> => {
    const answer = await client.callTool({ name: tool, arguments: args });
    const requests = await follow();
    const content = answer.content as readonly { readonly text?: string }[];
    const refused = requests.filter(({ isForbidden }) => isForbidden).length;
    const isError = answer.isError === true;
    return {
      isError,
      outcome: refused === 0 ? (isError ? "failed" : "worked") : refused === requests.length ? "refused" : "in part",
      text: content.map(({ text = "" }) => text).join("\n"),
      requests: requests.map(({ shown, isForbidden }) => `${isForbidden ? "!" : ""}${shown}`),
    };
  };
}

/** A Helm chart of one ConfigMap. */
async function makeChart(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "mcpctl-chart-"));
  await mkdir(join(folder, "templates"));
  await writeFile(join(folder, "Chart.yaml"), "{apiVersion: v2, name: chart, version: 1.0.0}\n");
  const metadata = "{name: '{{ .Release.Name }}-chart', namespace: '{{ .Release.Namespace }}'}";
  await writeFile(join(folder, "templates/made.yaml"), `{apiVersion: v1, kind: ConfigMap, metadata: ${metadata}}\n`);
  return folder;
}
