import type { IncomingMessage, ServerResponse } from "node:http";
import { onTestFinished } from "vitest";
import { callHeaders, open, send, startTestGateway, type TestGateway } from "../gateway.ts";
import { sendJson, startRawBackend, type RawAnswer, type Received } from "../mcp-backend.ts";

/** A gateway and a backend that does exactly what a test says, with a session between them. */
export interface RawPair {
  readonly gateway: TestGateway;
  /** What the backend got, but for the request that began the session. */
  received(): readonly Received[];
  /** The headers of a call in the session, with the id as the gateway gave it. */
  readonly headers: readonly string[];
}

/** The session's id as the backend knows it. */
export const BACKEND_SESSION = "s-1";

const INITIALIZE = '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{}}';
const INITIALIZED = '{"jsonrpc":"2.0","id":0,"result":{}}';

/** Everything but the request that begins the session is answered as the test says; ends with the test. */
export async function startRawPair(answer: RawAnswer): Promise<RawPair> {
  const backend = await startRawBackend((got, response) => {
    if (isInitialize(got)) sendJson(response, INITIALIZED, 200, { "mcp-session-id": BACKEND_SESSION });
    else answer(got, response);
  });
  const gateway = await startTestGateway({ "eks-ro": backend.url });
  const begun = await send(gateway.url, { headers: callHeaders(gateway.key), body: INITIALIZE });
  onTestFinished(async () => {
    await gateway.close();
    await backend.close();
  });
  return {
    gateway,
    received: () => backend.received.filter((got) => !isInitialize(got)),
    headers: [...callHeaders(gateway.key), "mcp-session-id", String(begun.headers["mcp-session-id"])],
  };
}

function isInitialize({ body }: Received): boolean {
  return body.toString("utf8") === INITIALIZE;
}

/** The two requests that may be answered by a stream of events. */
export const STREAM_ASKS = [
  { ask: "a call", method: "POST", body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}' },
  { ask: "a GET stream", method: "GET", body: null },
] as const;
export type StreamAsk = (typeof STREAM_ASKS)[number];

/** Asks within the session; resolves when the head of the answer is there. */
export function openStream({ gateway, headers }: RawPair, { method, body }: StreamAsk): Promise<IncomingMessage> {
  return open(gateway.url, { method, headers, body });
}

/** A backend's stream of events whose parts a test sends when it likes. */
export class HeldStream {
  readonly #opened = Promise.withResolvers<ServerResponse>();
  readonly #closed = Promise.withResolvers<void>();

  /** Resolves when the connection is gone, whoever ended it. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  readonly answer: RawAnswer = (_got, response) => {
    response.on("close", () => this.#closed.resolve());
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    this.#opened.resolve(response);
  };

  async send(part: Buffer | string): Promise<void> {
    (await this.#opened.promise).write(part);
  }

  async end(): Promise<void> {
    (await this.#opened.promise).end();
  }

  async die(): Promise<void> {
    (await this.#opened.promise).destroy();
  }
}

/** Reads exactly this many bytes. @throws when the stream ends before, or brings more than that at once */
export async function readBytes(stream: IncomingMessage, count: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let have = 0; have < count;) {
    const chunk = stream.read() as Buffer | null;
    if (chunk === null) {
      if (stream.readableEnded) throw new Error(`ended after ${have} of ${count} bytes`);
      await readable(stream);
      continue;
    }
    chunks.push(chunk);
    have += chunk.length;
    if (have > count) throw new Error(`${have} bytes came where ${count} were sent`);
  }
  return Buffer.concat(chunks);
}

function readable(stream: IncomingMessage): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const over = (): void => resolve();
  stream.once("readable", over).once("end", over).once("error", reject);
  return promise.finally(() => stream.off("readable", over).off("end", over).off("error", reject));
}

/** Header lines as pairs, names in lower case, sorted. */
export function headerPairs(raw: readonly string[]): readonly string[] {
  const pairs: string[] = [];
  for (let at = 0; at < raw.length; at += 2) pairs.push(`${raw[at]?.toLowerCase()}: ${raw[at + 1]}`);
  return pairs.toSorted();
}
