import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import type { LookupFunction } from "node:net";
import { z } from "zod";
import { AppError } from "../errors.ts";
import { VERSION } from "../../version.ts";
import { boundedFetch, type BoundedFetch } from "./bounded-fetch.ts";

export interface ListToolsOptions {
  readonly url: string;
  readonly token: string | null;
  readonly signal: AbortSignal;
  readonly limits?: Partial<ListLimits>;
  readonly lookup?: LookupFunction;
}

export interface ListLimits {
  readonly maxTools: number;
  readonly maxPages: number;
  readonly maxBytes: number;
  /** For all of it. */
  readonly timeoutMs: number;
}

export const LIST_LIMITS: ListLimits = {
  maxTools: 10_000,
  maxPages: 1_000,
  maxBytes: 16 * 1024 * 1024,
  timeoutMs: 60_000,
};

/** As the server wrote them: what an entry may look like is for the reader to judge, one by one. */
const PAGE = z.looseObject({ tools: z.array(z.unknown()), nextCursor: z.string().nullish() });

/**
 * Every entry of the server's `tools/list`, all pages of it, through the official client.
 * @throws AppError unavailable, unauthenticated or forbidden as the server answers; interrupted
 */
export async function listTools(options: ListToolsOptions): Promise<readonly unknown[]> {
  requireToken(options.token);
  const limits = { ...LIST_LIMITS, ...options.limits };
  const refused = new AbortController();
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(limits.timeoutMs), refused.signal]);
  const bounded = boundedFetch({
    ...options,
    url: new URL(options.url).href,
    maxBytes: limits.maxBytes,
    signal,
    onRefusal: () => refused.abort(),
  });
  const client = new Client({ name: "mcpctl", version: VERSION }, { versionNegotiation: { mode: "auto" } });
  const transport = new StreamableHTTPClientTransport(new URL(options.url), {
    fetch: bounded.fetch,
    reconnectionOptions: NO_RECONNECTION,
  });
  try {
    // The client waits on for an answer whose stream broke.
    return await Promise.race([allPages(client, transport, options.url, limits), whenAborted(signal)]);
  } catch (error) {
    throw toAppError(error, options, bounded);
  } finally {
    await client.close().catch(() => undefined);
    await bounded.close();
  }
}

/** Whatever is wrong with it, it is not shown. */
function requireToken(token: string | null): void {
  if (token === null || /^[\x21-\x7e]+$/.test(token)) return;
  throw new AppError("usage", "token_invalid", "the token in MCPCTL_MCP_TOKEN holds what no header can", {
    hint: "It must be the bearer token alone, without spaces and line ends.",
  });
}

const NO_RECONNECTION = {
  maxRetries: 0,
  initialReconnectionDelay: 1,
  maxReconnectionDelay: 1,
  reconnectionDelayGrowFactor: 1,
};

async function whenAborted(signal: AbortSignal): Promise<never> {
  signal.throwIfAborted();
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}

async function allPages(
  client: Client,
  transport: StreamableHTTPClientTransport,
  url: string,
  { maxTools, maxPages, timeoutMs }: ListLimits,
): Promise<readonly unknown[]> {
  const wait = { timeout: timeoutMs };
  await client.connect(transport, wait);
  const tools: unknown[] = [];
  const seen = new Set<string>();
  let cursor: string | null = null;
  do {
    const params: { cursor?: string } = cursor === null ? {} : { cursor };
    const page: z.infer<typeof PAGE> = await client.request({ method: "tools/list", params }, PAGE, wait);
    for (const tool of page.tools) tools.push(tool);
    cursor = page.nextCursor ?? null;
    if (tools.length > maxTools || seen.size >= maxPages || (cursor !== null && seen.has(cursor))) {
      throw new AppError("unavailable", "mcp_list_endless", `the list of tools at ${url} does not end`, {
        hint: `Up to ${maxTools} tools on ${maxPages} pages are read.`,
      });
    }
    if (cursor !== null) seen.add(cursor);
  } while (cursor !== null);
  await transport.terminateSession().catch(() => undefined);
  return tools;
}

function toAppError(error: unknown, { url, token, signal }: ListToolsOptions, bounded: BoundedFetch): AppError {
  if (signal.aborted) return new AppError("interrupted", "interrupted", "interrupted; nothing was changed");
  const own = bounded.refusal() ?? (error instanceof AppError ? error : null);
  if (own !== null) return own;
  const status = bounded.lastStatus();
  if (status === 401 || status === 403) {
    const message = `the server at ${url} wants to know who asks (HTTP ${status})`;
    return new AppError(status === 401 ? "unauthenticated" : "forbidden", "mcp_not_authorised", message, {
      hint:
        token === null
          ? "Put a token into MCPCTL_MCP_TOKEN; it is sent to this address alone."
          : "It does not take the token in MCPCTL_MCP_TOKEN.",
      cause: error,
    });
  }
  return new AppError("unavailable", "mcp_list_failed", `the server at ${url} does not list its tools`, {
    hint: "Forward a port to it and name that URL, or save its tools/list result and name the file; --debug tells more.",
    cause: error,
  });
}
