import { NodeStreamableHTTPServerTransport, toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler, Server } from "@modelcontextprotocol/server";
import { Server as V1Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { ListToolsRequestSchema, type ListToolsResult } from "@modelcontextprotocol/sdk/types.js";
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { listenLocally, Sessions, type Session } from "./mcp-fixture/fixture-server.ts";

/** An official server that lists these tools, `pageSize` at a time. */
export interface ToolServer {
  /** Where it answers. */
  readonly url: string;
  /** The header lines of the requests so far. */
  readonly heads: readonly string[];
  /** What it lists from now on. */
  tools: readonly unknown[];
  close(): Promise<void>;
}

export type ToolServerKind = "v1, a stream of events" | "v1, plain JSON" | "v2, 2026-07-28" | "v2, in sessions";

export const TOOL_SERVER_KINDS: readonly ToolServerKind[] = [
  "v1, a stream of events",
  "v1, plain JSON",
  "v2, 2026-07-28",
  "v2, in sessions",
];

const INFO = { name: "tools", version: "1.0.0" };
const CAPABILITIES = { capabilities: { tools: {} } };

export async function startToolServer(
  kind: ToolServerKind,
  tools: readonly unknown[],
  pageSize = 2,
): Promise<ToolServer> {
  const listed = { tools };
  const page = (cursor: string | undefined): ListToolsResult => {
    const from = Number(cursor ?? 0);
    const more = from + pageSize < listed.tools.length ? { nextCursor: String(from + pageSize) } : {};
    return { tools: listed.tools.slice(from, from + pageSize), ...more } as ListToolsResult;
  };
  const { url, heads, close } = await listenLocally(serverOf(kind, page));
  return {
    url: `${url}/mcp`,
    heads,
    get tools() {
      return listed.tools;
    },
    set tools(now) {
      listed.tools = now;
    },
    close,
  };
}

type Page = (cursor: string | undefined) => ListToolsResult;
type Serve = Parameters<typeof listenLocally>[0];

function serverOf(kind: ToolServerKind, page: Page): Serve {
  if (kind === "v2, 2026-07-28") {
    const handle = toNodeHandler(createMcpHandler(() => newV2(page)));
    return (request, response) => handle(request as Parameters<typeof handle>[0], response);
  }
  const sessions = new Sessions((keep) => openSession(kind, page, keep));
  return (request, response) => sessions.serve(request, response);
}

async function openSession(
  kind: ToolServerKind,
  page: Page,
  keep: (id: string, session: Session) => void,
): Promise<Session> {
  const options = {
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id: string) => keep(id, session),
  };
  const tellUpdated = async (): Promise<void> => undefined;
  let session: Session;
  if (kind === "v2, in sessions") {
    const transport = new NodeStreamableHTTPServerTransport(options);
    session = { transport, tellUpdated };
    await newV2(page).connect(transport);
    return session;
  }
  const transport = new StreamableHTTPServerTransport({ ...options, enableJsonResponse: kind === "v1, plain JSON" });
  session = { transport, tellUpdated };
  const server = new V1Server(INFO, CAPABILITIES);
  server.setRequestHandler(ListToolsRequestSchema, ({ params }) => page(params?.cursor));
  await server.connect(transport);
  return session;
}

function newV2(page: Page): Server {
  const server = new Server(INFO, CAPABILITIES);
  const params = z.looseObject({ cursor: z.string().optional() });
  server.setRequestHandler("tools/list", { params }, ({ cursor }) => page(cursor));
  return server;
}
