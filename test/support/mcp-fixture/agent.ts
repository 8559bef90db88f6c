import type { Members } from "./behaviour.ts";
import type { Exchange } from "./watched-fetch.ts";

/** What the test asks a client for beside the call itself. */
export interface CallOptions {
  readonly onprogress?: (progress: unknown) => void;
  readonly signal?: AbortSignal;
  readonly onresumptiontoken?: (token: string) => void;
}

/** An open subscription of revision 2026-07-28. */
export interface Subscription {
  readonly honoredFilter: unknown;
  readonly closed: Promise<string>;
  close(): Promise<void>;
}

/** What the official clients of both generations have in common. */
export interface CommonClient {
  getServerCapabilities(): unknown;
  getServerVersion(): unknown;
  getInstructions(): unknown;
  ping(): Promise<unknown>;
  setLoggingLevel(level: "error"): Promise<unknown>;
  listTools(): Promise<unknown>;
  listResources(): Promise<unknown>;
  listResourceTemplates(): Promise<unknown>;
  listPrompts(): Promise<unknown>;
  readResource(params: { uri: string }): Promise<unknown>;
  subscribeResource(params: { uri: string }): Promise<unknown>;
  unsubscribeResource(params: { uri: string }): Promise<unknown>;
  getPrompt(params: { name: string; arguments: Record<string, string> }): Promise<unknown>;
  complete(params: {
    ref: { type: "ref/prompt"; name: string };
    argument: { name: string; value: string };
  }): Promise<unknown>;
  close(): Promise<void>;
}

/** An official client at work, and everything that it was told. */
export interface Agent {
  readonly client: CommonClient;
  readonly protocolVersion: string | undefined;
  /** Notifications nobody waited for, and questions of the server, as they came. */
  readonly told: unknown[];
  readonly exchanges: Exchange[];
  call(name: string, args?: Members, options?: CallOptions): Promise<unknown>;
  /** Null where the client knows of no subscriptions/listen. */
  listen: ((filter: Members) => Promise<Subscription>) | null;
  discover: (() => Promise<unknown>) | null;
  terminate(): Promise<void>;
}

export interface Endpoint {
  readonly url: string;
  /** The gateway's key, when there is one to show. */
  readonly token: string | null;
}

export const CLIENT_INFO = { name: "agent", version: "1.0.0" };
export const CLIENT_CAPABILITIES = { sampling: {}, elicitation: { form: {} } };

/** How each client answers the server's questions. */
export const SAMPLED = {
  model: "m-1",
  role: "assistant" as const,
  content: { type: "text" as const, text: "4 \u00e4" },
};
export const ELICITED = { action: "accept" as const, content: { sure: true } };

/** A modern request names the level of the log messages it wants; the older ones ignore this. */
export const LOG_META = { "io.modelcontextprotocol/logLevel": "error" };

/** Comes back soon and does not give up: how fast is nothing that is tested here. */
export const RECONNECTION = {
  initialReconnectionDelay: 1,
  maxReconnectionDelay: 50,
  reconnectionDelayGrowFactor: 1.5,
  maxRetries: 100,
};

export function headersOf({ token }: Endpoint): Record<string, string> {
  return token === null ? {} : { authorization: `Bearer ${token}` };
}
