import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import type { GatewayLimits } from "../../src/lib/gateway-limits.ts";
import type { MintedKey } from "../../src/lib/keys/key.ts";
import { callHeaders, open, send, until, type Answer } from "../support/gateway.ts";
import { bodyOf, call, hold, refusal, RESULT, startStage, TOO_MANY, type Stage } from "../support/holding-stage.ts";
import { sendJson } from "../support/mcp-backend.ts";

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function start(limits: Partial<GatewayLimits>): Promise<Stage> {
  const stage = await startStage(limits);
  closing.push(stage.close);
  return stage;
}

const MIB = 1024 * 1024;
const statusesOf = (calls: readonly { readonly status: Promise<number> }[]): Promise<number[]> =>
  Promise.all(calls.map(({ status }) => status));

const BUSY = [503, "5", "The gateway is busy"];

describe("the rate of one key", () => {
  it("is bounded, fills again with time, and is nobody else's", async () => {
    const stage = await start({ maxCallsPerSecond: 2 });
    const { gateway, other, time } = stage;
    const statuses = async (key: MintedKey, count: number): Promise<number[]> => {
      const all: number[] = [];
      for (let made = 0; made < count; made += 1) all.push((await call(stage, key)).status);
      return all;
    };
    expect(await statuses(gateway.key, 4)).toEqual([200, 200, 200, 200]);
    expect(refusal(await call(stage))).toEqual([429, "1", "Too many calls in this time"]);
    expect(await statuses(other, 5)).toEqual([200, 200, 200, 200, 429]);
    time.ms += 500;
    expect(await statuses(gateway.key, 2)).toEqual([200, 429]);
    time.ms += 60_000;
    expect(await statuses(gateway.key, 5)).toEqual([200, 200, 200, 200, 429]);
    const records = await gateway.waitForRecords(17);
    expect(records[4]).toMatchObject({
      type: "mcp_refusal",
      decision: "deny",
      reason: "rate_limited",
      http_status: 429,
      rpc_error_code: -31429,
      key_id: gateway.key.id,
      user: "agent-01",
      role: "dev-readonly",
      backend: "eks-ro",
      method: null,
    });
  });
});

describe("calls at once", () => {
  it("of one key are bounded, another key's are not", async () => {
    const stage = await start({ maxCallsPerKey: 2 });
    const calls = [await hold(stage), await hold(stage)];
    expect(refusal(await call(stage))).toEqual(TOO_MANY);
    expect((await call(stage, stage.other)).status).toBe(200);
    for (const { response } of stage.held) sendJson(response, RESULT);
    expect(await statusesOf(calls)).toEqual([200, 200]);
    expect((await call(stage)).status).toBe(200);
  });

  it("of all keys are bounded", async () => {
    const stage = await start({ maxCalls: 2 });
    const calls = [await hold(stage), await hold(stage, stage.other)];
    expect([refusal(await call(stage)), refusal(await call(stage, stage.other))]).toEqual([BUSY, BUSY]);
    for (const { response } of stage.held) sendJson(response, RESULT);
    expect(await statusesOf(calls)).toEqual([200, 200]);
    expect([(await call(stage)).status, (await call(stage, stage.other)).status]).toEqual([200, 200]);
    expect((await stage.gateway.waitForRecords(2)).slice(0, 2)).toMatchObject([
      { reason: "overloaded", decision: "unknown", http_status: 503 },
      { reason: "overloaded", decision: "unknown", http_status: 503 },
    ]);
  });
});

const LISTEN = '{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen"}';
const streamOf = {
  GET: ({ gateway }: Stage, key = gateway.key): Promise<IncomingMessage> =>
    open(gateway.url, {
      method: "GET",
      headers: [...callHeaders(key), "mcp-session-id", gateway.session("s", "eks-ro", key)],
    }),
  listen: ({ gateway }: Stage, key = gateway.key): Promise<IncomingMessage> =>
    open(gateway.url, { headers: callHeaders(key), body: LISTEN }),
};

describe.each([
  { first: "GET", second: "listen" },
  { first: "listen", second: "GET" },
] as const)("open streams, one by $first,", ({ first, second }) => {
  const end = (stream: IncomingMessage): unknown => stream.on("error", () => undefined).destroy();
  const statusOf = async (stream: Promise<IncomingMessage>): Promise<number | undefined> => {
    const got = await stream;
    end(got);
    return got.statusCode;
  };

  it(`and one by ${second} count as two of one key, and take no room of its calls`, async () => {
    const stage = await start({ maxStreamsPerKey: 2, maxCallsPerKey: 1 });
    const streams = [await streamOf[first](stage), await streamOf[second](stage)];
    expect(await statusOf(streamOf[first](stage))).toBe(429);
    expect(await statusOf(streamOf[second](stage))).toBe(429);
    expect(await statusOf(streamOf[second](stage, stage.other))).toBe(200);
    expect((await call(stage)).status).toBe(200);
    end(streams[0] as IncomingMessage);
    expect(
      await until(
        () => statusOf(streamOf[second](stage)),
        (status) => status !== 429,
      ),
    ).toBe(200);
    end(streams[1] as IncomingMessage);
  });

  it("are bounded for all keys together", async () => {
    const stage = await start({ maxStreams: 1 });
    const stream = await streamOf[first](stage);
    expect(await statusOf(streamOf[second](stage, stage.other))).toBe(503);
    expect((await call(stage, stage.other)).status).toBe(200);
    end(stream);
    expect(
      await until(
        () => statusOf(streamOf[second](stage, stage.other)),
        (status) => status !== 503,
      ),
    ).toBe(200);
  });
});

describe("room for bodies", () => {
  it("of one key is bounded, while another key's call of 4 MiB passes", async () => {
    // A quarter of this, but at least one call of 4 MiB, is one key's.
    const stage = await start({ maxTotalBodyBytes: 9 * MIB });
    const { gateway, other, held } = stage;
    const post = (key: MintedKey, body: string): Promise<Answer> =>
      send(gateway.url, { headers: callHeaders(key), body });
    const holding = post(gateway.key, bodyOf(3 * MIB, "hold"));
    await until(
      () => held.length,
      (count) => count === 1,
    );
    expect(refusal(await post(gateway.key, bodyOf(2 * MIB)))).toEqual(TOO_MANY);
    expect((await post(other, bodyOf(4 * MIB))).status).toBe(200);
    const [first] = held;
    sendJson(first?.response as ServerResponse, RESULT);
    expect([(await holding).status, (await post(gateway.key, bodyOf(4 * MIB))).status]).toEqual([200, 200]);
    expect((await gateway.waitForRecords(4)).map(({ reason }) => reason)).toEqual([
      "too_many_calls",
      "granted",
      "granted",
      "granted",
    ]);
  });
});
