import { lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";
import { Agent, fetch as undiciFetch } from "undici";
import { AppError } from "../errors.ts";
import { backendLookup } from "./backend-lookup.ts";

type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

export interface BoundedFetchOptions {
  /** The only address that is asked. */
  readonly url: string;
  /** Sent as bearer. */
  readonly token: string | null;
  /** For all answers together, as they are after decompression. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  readonly onRefusal: () => void;
  readonly lookup?: LookupFunction;
}

/** A `fetch` for one MCP server, which is not trusted: what stopped it is kept, for an SDK may hide it. */
export interface BoundedFetch {
  readonly fetch: Fetch;
  /** Why an answer was not taken; null while all were. */
  readonly refusal: () => AppError | null;
  /** The status of the last answer; null before the first. */
  readonly lastStatus: () => number | null;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;

/** Asks one address alone: no redirect is followed, no name leads to a metadata address, and all answers have one size. */
export function boundedFetch(options: BoundedFetchOptions): BoundedFetch {
  const { url, token, maxBytes, signal, lookup = systemLookup } = options;
  const agent = new Agent({ allowH2: false, connect: { timeout: CONNECT_TIMEOUT_MS, lookup: backendLookup(lookup) } });
  let refusal: AppError | null = null;
  let lastStatus: number | null = null;
  let left = maxBytes;
  const refuse = (code: string, message: string): AppError => {
    refusal ??= new AppError("unavailable", code, message);
    options.onRefusal();
    return refusal;
  };
  const spend = (size: number): void => {
    left -= size;
    if (left < 0) throw refuse("mcp_answer_too_large", `the server at ${url} answers more than ${maxBytes} bytes`);
  };
  const bounded: Fetch = async (target, init = {}) => {
    if (String(target) !== url) throw refuse("mcp_other_address", `the server at ${url} points to another address`);
    // A stream for news of the server is not needed, and would stay open.
    if (init.method === "GET") return new Response(null, { status: 405 });
    const response = await send(init, { url, token, signal, agent });
    lastStatus = response.status;
    if (response.status >= 300 && response.status < 400) {
      throw refuse("mcp_redirect", `the server at ${url} redirects, which is not followed`);
    }
    return counted(response, spend);
  };
  return {
    fetch: bounded,
    refusal: () => refusal,
    lastStatus: () => lastStatus,
    close: () => agent.destroy(),
  };
}

interface Route extends Pick<BoundedFetchOptions, "url" | "token" | "signal"> {
  readonly agent: Agent;
}

async function send(init: RequestInit, { url, token, signal, agent }: Route): Promise<Response> {
  const headers = new Headers(init.headers);
  if (token !== null) headers.set("authorization", `Bearer ${token}`);
  const signals = init.signal == null ? [signal] : [signal, init.signal];
  return undiciFetch(url, {
    ...(init as object),
    headers: [...headers],
    redirect: "manual",
    signal: AbortSignal.any(signals),
    dispatcher: agent,
  });
}

/** The same answer, whose bytes are counted as they come. */
function counted(response: Response, onBytes: (size: number) => void): Response {
  if (response.body === null) return response;
  const body = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        onBytes(chunk.byteLength);
        controller.enqueue(chunk);
      },
    }),
  );
  const { status, statusText } = response;
  return new Response(body, { status, statusText, headers: [...response.headers] });
}
