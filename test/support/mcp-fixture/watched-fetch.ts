/** One HTTP exchange as the client saw it; what differs between any two runs (times, ports, the text of ids) is left out. */
export interface Exchange {
  readonly method: string;
  /** Of a POST: the JSON-RPC method, or `response`. */
  readonly message: string | null;
  /** Of a `tools/call`, and of a question for a prompt: its name. */
  readonly tool: string | null;
  readonly lastEventId: string | null;
  readonly mcpParams: Readonly<Record<string, string>>;
  /** Null until the answer's head came. */
  answer: { readonly status: number; readonly headers: Readonly<Record<string, string>> } | null;
}

/** About one connection only, or different in each run. */
const NOT_COMPARED = new Set(["connection", "keep-alive", "transfer-encoding", "date"]);

/** `fetch` that writes down each exchange when it begins, and what it was answered. */
export function watchedFetch(exchanges: Exchange[]): (url: string | URL, init?: RequestInit) => Promise<Response> {
  return async (url, init) => {
    const headers = new Headers(init?.headers);
    const exchange: Exchange = {
      method: init?.method ?? "GET",
      ...messageOf(init?.body),
      lastEventId: headers.get("last-event-id"),
      mcpParams: Object.fromEntries([...headers].filter(([name]) => name.startsWith("mcp-param-"))),
      answer: null,
    };
    exchanges.push(exchange);
    const response = await fetch(url, init);
    // A GET without a session is refused by the gateway itself, with the same status.
    const isRefusedStream = exchange.method === "GET" && !response.ok;
    exchange.answer = { status: response.status, headers: isRefusedStream ? {} : comparable(response.headers) };
    return response;
  };
}

function messageOf(body: unknown): Pick<Exchange, "message" | "tool"> {
  if (typeof body !== "string") return { message: null, tool: null };
  const { method, params } = JSON.parse(body) as { method?: string; params?: { name?: string } };
  return { message: method ?? "response", tool: params?.name ?? null };
}

function comparable(headers: Headers): Record<string, string> {
  // Whether a stream of events has a length depends on how soon it ended; the gateway never gives it one.
  const isStream = headers.get("content-type")?.startsWith("text/event-stream") === true;
  const kept = [...headers].filter(([name]) => !NOT_COMPARED.has(name) && !(isStream && name === "content-length"));
  return Object.fromEntries(kept.map(([name, value]) => [name, name === "mcp-session-id" ? "(an id)" : value]));
}
