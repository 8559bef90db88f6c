import { createHash } from "node:crypto";
import { until } from "../gateway.ts";
import type { Agent } from "./agent.ts";
import type { Members } from "./behaviour.ts";
import type { Fixture } from "./fixture-server.ts";

/** What became of one step: its result or its error, and what the client was told meanwhile. */
export interface Step {
  readonly result?: unknown;
  readonly error?: unknown;
  readonly told?: readonly unknown[];
}

/** Everything that a client saw of a server, and the server of the client. */
export interface Seen {
  readonly steps: Readonly<Record<string, Step>>;
  /** Without the cancelled call: whether its answer had begun is a matter of time. */
  readonly posts: readonly unknown[];
  /**
   * The GET that every older client begins with. Later ones are left out: a client may open them in the background for
   * answers that it has already, how often is a matter of time.
   */
  readonly stream: unknown;
  readonly journal: readonly string[];
  /** Sorted: requests that a client does not wait for may overtake each other. */
  readonly heads: readonly string[];
}

/** What a pair of client and server is able to do; it decides only what the scenario waits for. */
export interface Abilities {
  /** Changes are told on a GET stream of a session. */
  readonly hasGetStream: boolean;
  /** Changes are told on subscriptions/listen. */
  readonly isModern: boolean;
}

/** One long visit: every feature of the protocol, in the same order each time. Ends the session and closes the client. */
export async function visit(agent: Agent, fixture: Fixture, abilities: Abilities): Promise<Seen> {
  const steps: Record<string, Step> = {};
  const step = async (name: string, act: () => Promise<unknown>): Promise<void> => {
    steps[name] = await watched(agent, act);
  };
  if (!abilities.isModern) await streamAnswered(agent);
  await greet(agent, step);
  await lists(agent, step);
  await calls(agent, step);
  await conversations(agent, fixture, abilities, step);
  await changes(agent, abilities, step);
  await step("terminate", () => agent.terminate());
  await step("call after the end", () => agent.call("echo", { text: "late" }));
  await agent.client.close();
  await toldOfCancellation(fixture);
  return {
    steps,
    posts: agent.exchanges.filter(({ method, tool }) => method !== "GET" && tool !== "wait"),
    stream: agent.exchanges.find(({ method }) => method === "GET"),
    journal: [...fixture.journal],
    heads: fixture.heads.toSorted(),
  };
}

type TakeStep = (name: string, act: () => Promise<unknown>) => Promise<void>;

async function greet({ client, protocolVersion, discover }: Agent, step: TakeStep): Promise<void> {
  await step("connect", async () => ({
    protocolVersion,
    capabilities: client.getServerCapabilities(),
    server: client.getServerVersion(),
    instructions: client.getInstructions(),
  }));
  if (discover !== null) await step("discover", () => discover());
  await step("ping", () => client.ping());
}

async function lists({ client }: Agent, step: TakeStep): Promise<void> {
  await step("list tools", () => client.listTools());
  await step("list resources", () => client.listResources());
  await step("list templates", () => client.listResourceTemplates());
  await step("list prompts", () => client.listPrompts());
  await step("read text", () => client.readResource({ uri: "fixture://plain" }));
  await step("read bytes", () => client.readResource({ uri: "fixture://bytes" }));
  await step("read what is not there", () => client.readResource({ uri: "fixture://none" }));
  await step("get a prompt", () => client.getPrompt({ name: "greet", arguments: { who: "W\u00f6rld" } }));
  await step("get a prompt that is not there", () => client.getPrompt({ name: "none", arguments: {} }));
  await step("complete", () =>
    client.complete({ ref: { type: "ref/prompt", name: "greet" }, argument: { name: "who", value: "J" } }),
  );
}

async function calls(agent: Agent, step: TakeStep): Promise<void> {
  await step("echo", () =>
    agent.call("echo", { text: "h\u00e4 \u2028", more: { n: 1.5, deep: [null, "\ud83d\ude00"] } }),
  );
  await step("a tool that is not there", () => agent.call("none"));
  await step("a tool that fails", () => agent.call("fail"));
  await step("a large result", async () => digest(await agent.call("large")));
}

async function conversations(agent: Agent, fixture: Fixture, abilities: Abilities, step: TakeStep): Promise<void> {
  const withProgress = async (tool: string): Promise<unknown> => {
    const progress: unknown[] = [];
    const result = await agent.call(tool, {}, { onprogress: (told) => void progress.push(told) });
    return { result, progress };
  };
  await step("progress", () => withProgress("progress"));
  await step("flood", async () => digest(await withProgress("flood")));
  await step("set the log level", () => agent.client.setLoggingLevel("error"));
  await step("log", () => agent.call("log"));
  await step("sample", () => agent.call("sample"));
  await step("elicit", () => agent.call("elicit"));
  await step("cancel", () => cancel(agent, fixture, abilities));
  // Who cannot come back for the rest of an answer must not lose its stream.
  if (abilities.hasGetStream) await step("come back for the rest", () => withProgress("poll"));
}

/**
 * Cancels a call that has begun, and waits until the server knows. Without sessions an older server cannot tell which
 * call a cancellation means; it learns when the client leaves.
 */
async function cancel(agent: Agent, fixture: Fixture, { hasGetStream, isModern }: Abilities): Promise<unknown> {
  const leaving = new AbortController();
  const call = agent.call("wait", {}, { signal: leaving.signal });
  const outcome = watched(agent, () => call);
  await until(
    () => fixture.journal,
    (journal) => journal.includes("wait began"),
  );
  leaving.abort("no longer needed");
  if (hasGetStream || isModern) await toldOfCancellation(fixture);
  return outcome;
}

async function toldOfCancellation({ journal }: Fixture): Promise<void> {
  await until(
    () => journal,
    (journal) => journal.includes("wait was cancelled"),
  );
}

async function changes(agent: Agent, { hasGetStream, isModern }: Abilities, step: TakeStep): Promise<void> {
  const { client, told, listen } = agent;
  const uri = { uri: "fixture://plain" };
  const changed = async (): Promise<unknown> => {
    const before = told.length;
    const result = await agent.call("change");
    if (hasGetStream || isModern)
      await until(
        () => told.length - before,
        (count) => count === 4,
      );
    return result;
  };
  if (isModern && listen !== null) {
    await step("listen", async () => {
      const kinds = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };
      const subscription = await listen({ ...kinds, resourceSubscriptions: [uri.uri] });
      const result = await changed();
      await subscription.close();
      return { honoured: subscription.honoredFilter, result, closed: await subscription.closed };
    });
  }
  await step("subscribe", () => client.subscribeResource(uri));
  if (!isModern) await step("change", changed);
  await step("unsubscribe", () => client.unsubscribeResource(uri));
}

/** The client asks for its GET stream in the background, after connecting. */
export async function streamAnswered({ exchanges }: Agent): Promise<void> {
  await until(
    () => exchanges.some(({ method, answer }) => method === "GET" && answer !== null),
    (isAnswered) => isAnswered,
  );
}

async function watched({ told }: Agent, act: () => Promise<unknown>): Promise<Step> {
  const before = told.length;
  try {
    const result = await act();
    return { result, told: told.slice(before) };
  } catch (error) {
    return { error: described(error), told: told.slice(before) };
  }
}

/** An error as a program sees it: its name, code, message and data. */
function described(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, data } = error as Error & { readonly code?: unknown; readonly data?: unknown };
  return { name: error.name, code, message: error.message, data };
}

/** Stands for what is too long to be shown when it differs. */
function digest(value: unknown): Members {
  const text = JSON.stringify(value);
  return { length: text.length, sha256: createHash("sha256").update(text).digest("hex") };
}
