import {
  NodeStreamableHTTPServerTransport,
  toNodeHandler,
  toWebRequest,
  type NodeIncomingMessageLike,
} from "@modelcontextprotocol/node";
import {
  createMcpHandler,
  inputRequired,
  isLegacyRequest,
  ProtocolError,
  Server,
  type InputRequest,
  type JSONRPCMessage,
  type McpHttpHandler,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import { FixtureError, HANDLERS, type CallContext, type Change, type Handle, type Members } from "./behaviour.ts";
import { CAPABILITIES, INSTRUCTIONS, SERVER_INFO } from "./catalogue.ts";
import { CountingEventStore } from "./event-store.ts";
import { listenLocally, Sessions, type Fixture, type Session } from "./fixture-server.ts";

/** Thrown by a handler's question that has no answer yet; the call then ends with `input_required`. */
class InputNeeded extends Error {
  readonly key: string;
  readonly request: InputRequest;

  constructor(key: string, request: InputRequest) {
    super(`input needed: ${key}`);
    this.key = key;
    this.request = request;
  }
}

/**
 * The fixture on the official v2 SDK: 2026-07-28, and the older revisions either in sessions or without any, as
 * `createMcpHandler` has them by itself.
 */
export async function startV2Fixture({ hasSessions }: { readonly hasSessions: boolean }): Promise<Fixture> {
  const journal: string[] = [];
  const sessions = new Sessions((keep) => openSession(journal, keep));
  const handler: McpHttpHandler = createMcpHandler(
    ({ era }) => newServer(journal, new Set(), era === "modern" ? handler : null),
    { legacy: hasSessions ? "reject" : "stateless" },
  );
  const serveByHandler = toNodeHandler(handler);
  const { url, heads, close } = await listenLocally(async (request, response) => {
    const { isLegacy, body } = await classify(request);
    if (isLegacy && hasSessions) await sessions.serve(request, response, body);
    else await byHandler(serveByHandler, request, response, body);
  });
  return {
    url,
    journal,
    heads,
    endStreamsAndTell: () => sessions.endStreamsAndTell(),
    breakStreamsAndTell: () => sessions.breakStreamsAndTell(),
    close: async () => {
      await Promise.all([sessions.close(), handler.close()]);
      await close();
    },
  };
}

async function classify(request: IncomingMessage): Promise<{ readonly isLegacy: boolean; readonly body: unknown }> {
  const probe = await toWebRequest(asNodeLike(request));
  const isLegacy = await isLegacyRequest(probe);
  return { isLegacy, body: request.method === "POST" ? await probe.json() : undefined };
}

async function byHandler(
  serve: ReturnType<typeof toNodeHandler>,
  request: IncomingMessage,
  response: ServerResponse,
  body: unknown,
): Promise<void> {
  await serve(asNodeLike(request), response, body);
}

/** The SDK's type has no room for a request without a method; a server's requests have one. */
function asNodeLike(request: IncomingMessage): NodeIncomingMessageLike {
  return request as NodeIncomingMessageLike;
}

async function openSession(journal: string[], keep: (id: string, session: Session) => void): Promise<Session> {
  const server = newServer(journal, new Set(), null);
  const transport: NodeStreamableHTTPServerTransport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    eventStore: new CountingEventStore<JSONRPCMessage>(),
    retryInterval: 1,
    onsessioninitialized: (id) => keep(id, session),
  });
  const session: Session = { transport, tellUpdated: (uri) => server.sendResourceUpdated({ uri }) };
  await server.connect(transport);
  return session;
}

function newServer(journal: string[], subscriptions: Set<string>, modern: McpHttpHandler | null): Server {
  const server = new Server(SERVER_INFO, { capabilities: CAPABILITIES, instructions: INSTRUCTIONS });
  for (const [method, handle] of Object.entries(HANDLERS)) {
    server.setRequestHandler(method, { params: z.looseObject({}) }, (params, context) =>
      answer(handle, params, contextOf({ server, context, journal, subscriptions, modern })),
    );
  }
  return server;
}

async function answer(handle: Handle, params: Members, context: CallContext): Promise<Members> {
  try {
    return await handle(params, context);
  } catch (error) {
    if (error instanceof InputNeeded)
      return inputRequired({ inputRequests: { [error.key]: error.request }, requestState: `state of ${error.key}` });
    throw error instanceof FixtureError ? new ProtocolError(error.code, error.message) : error;
  }
}

interface Parts {
  readonly server: Server;
  readonly context: ServerContext;
  readonly journal: string[];
  readonly subscriptions: Set<string>;
  /** The handler whose open subscriptions are told of changes; null before 2026-07-28. */
  readonly modern: McpHttpHandler | null;
}

function contextOf({ server, context, journal, subscriptions, modern }: Parts): CallContext {
  const { mcpReq, http } = context;
  const { _meta: meta } = mcpReq;
  const token = meta?.progressToken;
  return {
    signal: mcpReq.signal,
    progress: async (progress, message) => {
      if (token === undefined) return;
      await mcpReq.notify({ method: "notifications/progress", params: { progressToken: token, progress, message } });
    },
    log: (level, data) => mcpReq.log(level, data),
    ask: async (method, params) => {
      const given = mcpReq.inputResponses?.[method];
      if (given === undefined) throw new InputNeeded(method, { method, params } as InputRequest);
      return { given, state: mcpReq.requestState() };
    },
    tell: async (change) => (modern === null ? tell(server, change, subscriptions) : tellModern(modern, change)),
    dropStream: () => http?.closeSSE?.(),
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

function tellModern({ notify }: McpHttpHandler, change: Change): void {
  if (change === "tools") notify.toolsChanged();
  else if (change === "resources") notify.resourcesChanged();
  else if (change === "prompts") notify.promptsChanged();
  else notify.resourceUpdated(change.uri);
}
