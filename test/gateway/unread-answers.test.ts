import { afterEach, describe, expect, it } from "vitest";
import type { GatewayLimits } from "../../src/lib/gateway-limits.ts";
import { callHeaders, open, send, startTestGateway, toolCall, until, type TestGateway } from "../support/gateway.ts";
import { sendJson, startRawBackend } from "../support/mcp-backend.ts";

const MIB = 1024 * 1024;
/** The buffers of both ends of a connection together. */
const MORE_THAN_KERNELS_HOLD = 96 * MIB;
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** A gateway before a backend whose every answer is of so many bytes; the role's grant of one is narrowed. */
async function start(bytes: number, limits: Partial<GatewayLimits> = {}): Promise<TestGateway> {
  const answer = `{"jsonrpc":"2.0","id":1,"result":{"content":[],"text":"${"x".repeat(bytes)}"}}`;
  const backend = await startRawBackend((_got, response) => sendJson(response, answer));
  closing.push(backend.close);
  const gateway = await startTestGateway(
    { narrow: backend.url, "eks-ro": backend.url.replace("127.0.0.1", "localhost") },
    {},
    { limits },
  );
  closing.push(gateway.close);
  return gateway;
}

const ask = (gateway: TestGateway) => ({
  path: "/mcp/narrow/mcp",
  headers: callHeaders(gateway.key),
  body: toolCall("eks_get_pods"),
});

describe("an answer that its client does not read", () => {
  it("counts as a call until it is read", async () => {
    const gateway = await start(MORE_THAN_KERNELS_HOLD, { maxCallsPerKey: 2 });
    const whole = { ...ask(gateway), path: "/mcp/eks-ro/mcp" };
    const unread = await Promise.all([open(gateway.url, whole), open(gateway.url, whole)]);
    expect((await send(gateway.url, whole)).status).toBe(429);
    for (const answer of unread) answer.resume();
    await until(
      async () => {
        const answer = await open(gateway.url, whole);
        answer.resume();
        return answer.statusCode;
      },
      (status) => status === 200,
    );
  });

  it("ends with its connection when nothing is taken for too long", async () => {
    const gateway = await start(MORE_THAN_KERNELS_HOLD, { answerTimeoutMs: 4000 });
    const unread = await open(gateway.url, { ...ask(gateway), path: "/mcp/eks-ro/mcp" });
    unread.on("error", () => undefined);
    const [record] = await gateway.waitForRecords(1);
    expect(record).toMatchObject({ type: "mcp_tool_call", reason: "client_gone", http_status: 200 });
  });

  it.each(["narrow", "eks-ro"])("is waited for when the gateway ends, and is whole (%s)", async (name) => {
    const gateway = await start(7 * MIB);
    const unread = await open(gateway.url, { ...ask(gateway), path: `/mcp/${name}/mcp` });
    const drained = gateway.drain();
    let length = 0;
    for await (const chunk of unread) length += (chunk as Buffer).length;
    expect(length).toBeGreaterThan(7 * MIB);
    expect(await drained).toBe(true);
    expect(await gateway.records()).toMatchObject([{ reason: "granted", bytes_out: length }]);
  });
});

it("an answer that is held to be filtered takes its memory from its key's share, and gives it back", async () => {
  const sizes = [5 * MIB, 1000];
  const backend = await startRawBackend((_got, response) =>
    sendJson(response, `{"jsonrpc":"2.0","id":1,"result":{"text":"${"x".repeat(sizes.shift() ?? 0)}"}}`),
  );
  closing.push(backend.close);
  const limits = { maxBodyBytes: MIB, maxTotalBodyBytes: 8 * MIB };
  const gateway = await startTestGateway({ narrow: backend.url }, {}, { limits });
  closing.push(gateway.close);
  const refused = await send(gateway.url, ask(gateway));
  expect([refused.status, JSON.parse(refused.body)]).toMatchObject([429, { error: { code: -31429 } }]);
  expect((await send(gateway.url, ask(gateway))).status).toBe(200);
  expect((await gateway.waitForRecords(2)).map(({ type, reason }) => [type, reason])).toEqual([
    ["mcp_tool_call", "too_many_calls"],
    ["mcp_tool_call", "granted"],
  ]);
});
