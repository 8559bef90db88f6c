import { FLOOD_COUNT, LARGE_BYTES, PROMPTS, RESOURCES, TEMPLATES, TOOLS } from "./catalogue.ts";

export type Members = Record<string, unknown>;
export type Change = "tools" | "resources" | "prompts" | { readonly uri: string };

/** What a handler may do beside answering; each SDK and revision has its own way. */
export interface CallContext {
  readonly signal: AbortSignal;
  /** Sends nothing when the client did not ask for progress. */
  progress(progress: number, message: string): Promise<void>;
  log(level: "debug" | "error", data: string): Promise<void>;
  /** Asks the client and waits, or ends this round of the call with what is asked (2026-07-28, multi round-trip). */
  ask(method: "sampling/createMessage" | "elicitation/create", params: Members): Promise<unknown>;
  /** Tells every client that wants to know. */
  tell(change: Change): Promise<void>;
  /** Ends the stream that answers this call while the call goes on; the client must come back for the rest. */
  dropStream(): void;
  /** What the server saw, for the test. */
  note(line: string): void;
  readonly subscriptions: Set<string>;
}

export type Handle = (params: Members, context: CallContext) => Promise<Members> | Members;

/** An error with a JSON-RPC code; each build throws it as its SDK's own. */
export class FixtureError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** How the fixture answers each method; ping, initialize, server/discover and logging/setLevel are the SDKs' own. */
export const HANDLERS: Readonly<Record<string, Handle>> = {
  "tools/list": () => ({ tools: TOOLS }),
  "tools/call": (params, context) => {
    const tool = TOOL_HANDLERS[String(params["name"])];
    if (tool === undefined) throw new FixtureError(-32602, `Unknown tool: ${String(params["name"])}`);
    return tool((params["arguments"] ?? {}) as Members, context);
  },
  "resources/list": () => ({ resources: RESOURCES }),
  "resources/templates/list": () => ({ resourceTemplates: TEMPLATES }),
  "resources/read": readResource,
  "resources/subscribe": ({ uri }, { subscriptions }) => {
    subscriptions.add(String(uri));
    return {};
  },
  "resources/unsubscribe": ({ uri }, { subscriptions }) => {
    subscriptions.delete(String(uri));
    return {};
  },
  "prompts/list": () => ({ prompts: PROMPTS }),
  "prompts/get": getPrompt,
  "completion/complete": ({ argument }) => {
    const typed = String((argument as Members)["value"]);
    return { completion: { values: [`${typed}a`, `${typed}\u00e4`], total: 2, hasMore: false } };
  },
};

const TOOL_HANDLERS: Readonly<Record<string, Handle>> = {
  echo: (args) => ({ ...text(JSON.stringify(args)), structuredContent: { said: String(args["text"]) } }),
  progress: async (_args, context) => {
    for (let step = 1; step <= 3; step += 1) await context.progress(step, `step ${step}`);
    return text("done");
  },
  log: async (_args, context) => {
    await context.log("debug", "a detail");
    await context.log("error", "a fault");
    return text("logged");
  },
  sample: async (_args, context) =>
    answered(
      await context.ask("sampling/createMessage", {
        messages: [{ role: "user", content: { type: "text", text: "How much is 2 + 2?" } }],
        maxTokens: 100,
      }),
    ),
  elicit: async (_args, context) =>
    answered(
      await context.ask("elicitation/create", {
        mode: "form",
        message: "Really?",
        requestedSchema: { type: "object", properties: { sure: { type: "boolean" } }, required: ["sure"] },
      }),
    ),
  wait: waitUntilCancelled,
  large: () => text("\u00e4".repeat(LARGE_BYTES / 2)),
  fail: () => ({ ...text("it broke"), isError: true }),
  flood: async (_args, context) => {
    for (let sent = 1; sent <= FLOOD_COUNT; sent += 1) await context.progress(sent, "more");
    return text("dry");
  },
  poll: async (_args, context) => {
    await context.progress(1, "before");
    context.dropStream();
    await context.progress(2, "while away");
    return text("after");
  },
  change: async (_args, context) => {
    for (const change of ["tools", "resources", "prompts", { uri: "fixture://plain" }] as const)
      await context.tell(change);
    return text("changed");
  },
};

async function waitUntilCancelled(_args: Members, context: CallContext): Promise<Members> {
  const cancelled = new Promise<void>((resolve) => context.signal.addEventListener("abort", () => resolve()));
  context.note("wait began");
  await context.progress(1, "waiting");
  await cancelled;
  context.note("wait was cancelled");
  return text("never seen");
}

function readResource({ uri }: Members): Members {
  if (uri === "fixture://plain") return { contents: [{ uri, mimeType: "text/plain", text: "plain \u00e4\r\n" }] };
  if (uri === "fixture://bytes")
    return { contents: [{ uri, blob: Buffer.from([0, 255, 128, 10]).toString("base64") }] };
  throw new FixtureError(-32602, `Unknown resource: ${String(uri)}`);
}

function getPrompt({ name, arguments: args }: Members): Members {
  if (name !== "greet") throw new FixtureError(-32602, `Unknown prompt: ${String(name)}`);
  const who = String((args as Members)["who"]);
  return { messages: [{ role: "user", content: { type: "text", text: `Greet ${who}` } }] };
}

function text(said: string): { content: { type: "text"; text: string }[] } {
  return { content: [{ type: "text", text: said }] };
}

function answered(answer: unknown): Members {
  return text(JSON.stringify(answer));
}
