import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { within } from "./within.ts";

/** A GET stream of a session, on a connection of its own. */
export class OpenStream {
  /** When it ended, whoever ended it. */
  readonly closed: Promise<number>;
  readonly #request: ClientRequest;
  #isOpen = true;
  #beats = 0;
  #onBeat: PromiseWithResolvers<void> | null = null;

  private constructor(request: ClientRequest, response: IncomingMessage) {
    this.#request = request;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.closed = promise;
    let rest = "";
    response.setEncoding("utf8").on("data", (chunk: string) => {
      const parts = (rest + chunk).split("\n\n");
      rest = parts.pop() as string;
      for (const part of parts) this.#take(part);
    });
    // A stream that is cut ends with ECONNRESET; `close` follows.
    response.on("error", () => {});
    response.once("close", () => {
      this.#isOpen = false;
      resolve(performance.now());
    });
  }

  /** Begins a session and opens its stream: two requests. @throws when either is not granted */
  static async open(origin: string, token: string): Promise<OpenStream> {
    const begun = await send(origin, "POST", token, {}, INITIALIZE);
    const session = begun.response.headers["mcp-session-id"];
    if (
      begun.response.statusCode !== 200 ||
      typeof session !== "string" ||
      !(await text(begun.response)).includes('"result"')
    )
      throw new Error(`initialize was answered with ${begun.response.statusCode}`);
    const { request, response } = await send(origin, "GET", token, { "mcp-session-id": session }, null);
    if (response.statusCode !== 200 || response.headers["content-type"] !== "text/event-stream")
      throw new Error(`the stream was answered with ${response.statusCode}`);
    return new OpenStream(request, response);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Waits until so many keep-alive comments have arrived in all. */
  async heard(beats: number): Promise<void> {
    while (this.#beats < beats) {
      this.#onBeat ??= Promise.withResolvers();
      await within(this.#onBeat.promise, 10_000, "a keep-alive comment");
    }
  }

  async close(): Promise<void> {
    this.#request.destroy();
    await this.closed;
  }

  #take(event: string): void {
    if (event !== ": keep-alive") throw new Error(`the stream brought ${event}`);
    this.#beats += 1;
    this.#onBeat?.resolve();
    this.#onBeat = null;
  }
}

const INITIALIZE =
  '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}';

interface Exchange {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
}

function send(
  origin: string,
  method: "GET" | "POST",
  token: string,
  more: Readonly<Record<string, string>>,
  body: string | null,
): Promise<Exchange> {
  const { promise, resolve, reject } = Promise.withResolvers<Exchange>();
  const headers = {
    authorization: `Bearer ${token}`,
    accept: "application/json, text/event-stream",
    ...(body === null ? {} : { "content-type": "application/json", "content-length": String(body.length) }),
    ...more,
  };
  const request = httpRequest(`${origin}/mcp/streams/mcp`, { method, headers, agent: false });
  request.once("response", (response) => resolve({ request, response }));
  request.on("error", reject);
  request.end(body ?? undefined);
  return promise;
}
