import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One of our own MCP servers, in one build. */
export interface Fixture {
  /** What backends.yaml names, without a path. */
  readonly url: string;
  /** What the server saw, in order. */
  readonly journal: readonly string[];
  /** The header lines of every POST and DELETE, but for those that the gateway sets or drops. */
  readonly heads: readonly string[];
  /** Ends every session's GET stream properly, as a server may at any time, and at once tells of two changes. */
  endStreamsAndTell(): Promise<void>;
  /** Breaks the connections of the GET streams instead. */
  breakStreamsAndTell(): Promise<void>;
  close(): Promise<void>;
}

/** A session as both SDKs have it. */
export interface Session {
  readonly transport: {
    handleRequest(request: IncomingMessage, response: ServerResponse, body?: unknown): Promise<void>;
    closeStandaloneSSEStream(): void;
    close(): Promise<void>;
  };
  tellUpdated(uri: string): Promise<void>;
}

export const MISSED = ["fixture://missed/1", "fixture://missed/2"];

/** The sessions of one server: who has an id gets its transport, who has none may begin one. */
export class Sessions {
  readonly #sessions = new Map<string, Session>();
  readonly #streams = new Set<ServerResponse>();
  readonly #open: (keep: (id: string, session: Session) => void) => Promise<Session>;

  constructor(open: (keep: (id: string, session: Session) => void) => Promise<Session>) {
    this.#open = open;
  }

  async serve(request: IncomingMessage, response: ServerResponse, body?: unknown): Promise<void> {
    const id = request.headers["mcp-session-id"];
    if (request.method === "GET") this.#streams.add(response);
    const known = typeof id === "string" ? this.#sessions.get(id) : undefined;
    if (known === undefined && id !== undefined) {
      response.writeHead(404, { "content-type": "application/json" });
      response.end('{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}');
      return;
    }
    const session = known ?? (await this.#open((newId, opened) => void this.#sessions.set(newId, opened)));
    await session.transport.handleRequest(request, response, body);
    if (request.method === "DELETE" && typeof id === "string") this.#sessions.delete(id);
  }

  async endStreamsAndTell(): Promise<void> {
    for (const { transport } of this.#sessions.values()) transport.closeStandaloneSSEStream();
    await this.#tell();
  }

  async breakStreamsAndTell(): Promise<void> {
    for (const response of this.#streams) response.destroy();
    await this.#tell();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map(({ transport }) => transport.close()));
  }

  async #tell(): Promise<void> {
    for (const session of this.#sessions.values()) for (const uri of MISSED) await session.tellUpdated(uri);
  }
}

/** About one connection, set by the gateway, not for the backend, or different in each run. */
const NOT_COMPARED =
  /^(?:host|connection|keep-alive|transfer-encoding|authorization|x-request-id|x-mcpctl-.*|mcp-session-id)$/;

/** Listens on a free port. */
export async function listenLocally(
  serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<Pick<Fixture, "url" | "heads" | "close">> {
  const heads: string[] = [];
  const server = createServer((request, response) => {
    if (request.method !== "GET") heads.push(headOf(request));
    // What a build cannot answer must fail the test, not end its process.
    serve(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heads, close };
}

function headOf({ method, headers }: IncomingMessage): string {
  const lines = Object.entries(headers).filter(([name]) => !NOT_COMPARED.test(name));
  return [method, ...lines.map(([name, value]) => `${name}: ${String(value)}`).toSorted()].join("\n");
}
