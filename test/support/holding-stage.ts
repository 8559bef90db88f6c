import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { GatewayLimits } from "../../src/lib/gateway-limits.ts";
import { mintKey, type MintedKey } from "../../src/lib/keys/key.ts";
import {
  callHeaders,
  keysJson,
  send,
  startTestGateway,
  toolCall,
  until,
  type Answer,
  type TestGateway,
} from "./gateway.ts";
import { sendJson, startRawBackend, type Received } from "./mcp-backend.ts";

export const RESULT = '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}';

/** A gateway for two keys, and a backend that answers when the test says so. */
export interface Stage {
  readonly gateway: TestGateway;
  /** Monotonic time, which stands still but for what a test adds. */
  readonly time: { ms: number };
  /** Another key with the same role. */
  readonly other: MintedKey;
  /** Streams, and calls of the tools `hold` and `stall`, that the backend got and does not answer, or not wholly. */
  readonly held: { readonly got: Received; readonly response: ServerResponse }[];
  close(): Promise<void>;
}

export async function startStage(limits: Partial<GatewayLimits>): Promise<Stage> {
  const time = { ms: 1_000 };
  const held: Stage["held"][number][] = [];
  const backend = await startRawBackend((got, response) => {
    const isStream = got.method === "GET" || got.body.includes("subscriptions/listen");
    const isSilent = got.body.includes('"stall"');
    if (isStream || isSilent) {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
    }
    if (isStream || isSilent || got.body.includes('"hold"')) held.push({ got, response });
    else sendJson(response, RESULT);
  });
  const clock = { now: Date.now, monotonic: (): number => time.ms };
  const gateway = await startTestGateway({ "eks-ro": backend.url }, {}, { limits, clock });
  const other = mintKey(randomBytes);
  await gateway.put("keys.json", keysJson(gateway.key, { [`dev-readonly.${other.hash}`]: "dev-readonly/agent-02" }));
  await until(
    () => send(gateway.adminUrl, { method: "GET", path: "/state" }),
    ({ body }) => (JSON.parse(body) as { counts: { keys: number } }).counts.keys === 2,
  );
  const close = async (): Promise<void> => {
    await gateway.close();
    await backend.close();
  };
  return { gateway, other, held, time, close };
}

export const call = ({ gateway }: Stage, key = gateway.key, tool = "t", args = "{}"): Promise<Answer> =>
  send(gateway.url, { headers: callHeaders(key), body: toolCall(tool, args) });

/** What a caller is told of a refusal. */
export const refusal = ({ status, headers, body }: Answer): unknown => [
  status,
  headers["retry-after"],
  (JSON.parse(body) as { error: { message: string } }).error.message,
];

/** A call that the backend got and holds; what it is answered in the end is told by `status`. */
export async function hold(stage: Stage, key = stage.gateway.key): Promise<{ readonly status: Promise<number> }> {
  const before = stage.held.length;
  const answer = call(stage, key, "hold");
  await until(
    () => stage.held.length,
    (count) => count > before,
  );
  return { status: answer.then(({ status }) => status) };
}

/** A call with a body of exactly this many bytes. */
export const bodyOf = (bytes: number, tool = "t"): string => {
  const empty = toolCall(tool, '{"s":""}');
  return toolCall(tool, `{"s":"${"x".repeat(bytes - empty.length)}"}`);
};

export const TOO_MANY = [429, "1", "Too many calls at once"];
