import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { RequestHandlerExtra } from "@modelcontextprotocol/sdk/shared/protocol.js";
import {
  McpError,
  ResultSchema,
  SetLevelRequestSchema,
  type JSONRPCMessage,
  type Notification,
  type Request,
  type ServerNotification,
  type ServerRequest,
} from "@modelcontextprotocol/sdk/types.js";
import { randomUUID } from "node:crypto";
import { FixtureError, HANDLERS, type CallContext, type Change } from "./behaviour.ts";
import { CAPABILITIES, INSTRUCTIONS, SERVER_INFO } from "./catalogue.ts";
import { CountingEventStore } from "./event-store.ts";
import { listenLocally, Sessions, type Fixture, type Session } from "./fixture-server.ts";

type Extra = RequestHandlerExtra<ServerRequest | Request, ServerNotification | Notification>;

/** The fixture on the official v1 SDK: sessions, GET streams, resumption; answers are streams of events or plain JSON. */
export async function startV1Fixture({ isJson }: { readonly isJson: boolean }): Promise<Fixture> {
  const journal: string[] = [];
  const sessions = new Sessions((keep) => openSession(isJson, journal, keep));
  const { url, heads, close } = await listenLocally((request, response) => sessions.serve(request, response));
  return {
    url,
    journal,
    heads,
    endStreamsAndTell: () => sessions.endStreamsAndTell(),
    breakStreamsAndTell: () => sessions.breakStreamsAndTell(),
    close: async () => {
      await sessions.close();
      await close();
    },
  };
}

async function openSession(
  isJson: boolean,
  journal: string[],
  keep: (id: string, session: Session) => void,
): Promise<Session> {
  const server = new Server(SERVER_INFO, { capabilities: CAPABILITIES, instructions: INSTRUCTIONS });
  const level = { isDebugWanted: true };
  server.setRequestHandler(SetLevelRequestSchema, ({ params }) => {
    level.isDebugWanted = params.level === "debug";
    return {};
  });
  const subscriptions = new Set<string>();
  server.fallbackRequestHandler = async ({ method, params }, extra) => {
    const handle = HANDLERS[method];
    if (handle === undefined) throw new McpError(-32601, "Method not found");
    const context = contextOf({ server, extra, isJson, journal, subscriptions, level });
    try {
      return await handle(params ?? {}, context);
    } catch (error) {
      throw error instanceof FixtureError ? new McpError(error.code, error.message) : error;
    }
  };
  const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    enableJsonResponse: isJson,
    eventStore: new CountingEventStore<JSONRPCMessage>(),
    retryInterval: 1,
    onsessioninitialized: (id) => keep(id, session),
  });
  const session: Session = { transport, tellUpdated: (uri) => server.sendResourceUpdated({ uri }) };
  await server.connect(transport);
  return session;
}

interface Parts {
  readonly server: Server;
  readonly extra: Extra;
  readonly isJson: boolean;
  readonly journal: string[];
  readonly subscriptions: Set<string>;
  readonly level: { readonly isDebugWanted: boolean };
}

function contextOf({ server, extra, isJson, journal, subscriptions, level }: Parts): CallContext {
  const { _meta: meta } = extra;
  const token = meta?.progressToken;
  return {
    signal: extra.signal,
    progress: async (progress, message) => {
      if (token === undefined) return;
      const params = { progressToken: token, progress, message };
      await extra.sendNotification({ method: "notifications/progress", params });
    },
    log: async (severity, data) => {
      if (severity === "debug" && !level.isDebugWanted) return;
      await extra.sendNotification({ method: "notifications/message", params: { level: severity, data } });
    },
    // Where an answer is plain JSON there is no room for questions; they go through the GET stream.
    ask: (method, params) =>
      isJson ? server.request({ method, params }, ResultSchema) : extra.sendRequest({ method, params }, ResultSchema),
    tell: (change) => tell(server, change, subscriptions),
    dropStream: () => extra.closeSSEStream?.(),
    note: (line) => void journal.push(line),
    subscriptions,
  };
}

async function tell(server: Server, change: Change, subscriptions: ReadonlySet<string>): Promise<void> {
  if (change === "tools") await server.sendToolListChanged();
  else if (change === "resources") await server.sendResourceListChanged();
  else if (change === "prompts") await server.sendPromptListChanged();
  else if (subscriptions.has(change.uri)) await server.sendResourceUpdated({ uri: change.uri });
}
