import { request as httpRequest } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import type { GatewayLimits } from "../../src/lib/gateway-limits.ts";
import { callHeaders, open, ROLES, send, toolCall, until, type Answer, type TestGateway } from "../support/gateway.ts";
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

/** The gateway looks for silent backends after a quarter of the shorter one. */
const SILENCE_MS = 60_000;
const LOOK_OFTEN = { answerTimeoutMs: SILENCE_MS, answerIdleTimeoutMs: 200 };

/** One request of this key that ends in some way. */
type End = (stage: Stage) => Promise<unknown>;

/** Begins a request of 60,000 bytes with this, and leaves when it is time. */
async function leave({ gateway }: Stage, body: string, isTime: () => Promise<unknown>): Promise<void> {
  const url = new URL(gateway.url);
  const request = httpRequest({
    host: url.hostname,
    port: url.port,
    method: "POST",
    path: "/mcp/eks-ro/mcp",
    headers: [...callHeaders(gateway.key), "host", url.host, "content-length", "60000"],
  });
  const sent = Promise.withResolvers<void>();
  request.on("error", () => undefined).write(body, () => sent.resolve());
  await sent.promise;
  await isTime();
  request.destroy();
}

const ENDS: readonly { readonly how: string; readonly reason: string; readonly end: End }[] = [
  { how: "an answer", reason: "granted", end: (stage) => call(stage) },
  {
    how: "a refusal",
    reason: "backend_unknown",
    end: ({ gateway }) =>
      send(gateway.url, { path: "/mcp/none/mcp", headers: callHeaders(gateway.key), body: toolCall("t") }),
  },
  {
    how: "a body that is no JSON",
    reason: "body_malformed",
    end: ({ gateway }) => send(gateway.url, { headers: callHeaders(gateway.key), body: `"${"{".repeat(50_000)}` }),
  },
  {
    how: "a client that leaves in the middle of its body",
    reason: "client_gone",
    end: (stage) => leave(stage, "{".repeat(50_000), () => Promise.resolve()),
  },
  {
    how: "a client that leaves before the answer",
    reason: "client_gone",
    end: (stage) => {
      const before = stage.held.length;
      const isHeld = (): Promise<number> =>
        until(
          () => stage.held.length,
          (count) => count > before,
        );
      return leave(stage, bodyOf(60_000, "hold"), isHeld);
    },
  },
  {
    how: "a backend that falls silent",
    reason: "backend_timeout",
    end: async (stage) => {
      // Whoever sees the head knows that the gateway has looked at the clock.
      const stream = await open(stage.gateway.url, {
        headers: callHeaders(stage.gateway.key),
        body: toolCall("stall"),
      });
      stage.time.ms += SILENCE_MS + 1;
      for await (const chunk of stream) expect(String(chunk)).toContain("did not answer in time");
    },
  },
  {
    how: "a role that loses the backend in the middle of it",
    reason: "backend_not_granted",
    end: async (stage) => {
      const { gateway } = stage;
      const { status } = await hold(stage);
      await gateway.put("roles.yaml", "roleMapping: { dev-readonly: [sse] }\n");
      expect(await status).toBe(403);
      const policy = (): Promise<string> => sourceDigest(gateway, "roles.yaml");
      const before = await policy();
      await gateway.put("roles.yaml", ROLES);
      await until(policy, (digest) => digest !== before);
    },
  },
];

/** What the gateway has read of this file. */
async function sourceDigest({ adminUrl }: TestGateway, name: string): Promise<string> {
  const { body } = await send(adminUrl, { method: "GET", path: "/state" });
  const { sources } = JSON.parse(body) as { sources: { path: string; sha256: string }[] };
  return sources.find(({ path }) => path.endsWith(name))?.sha256 ?? "";
}

describe("everything is given back", () => {
  it.each(ENDS)("after $how", async ({ end, reason }) => {
    const bytes = 120_000;
    const stage = await start({
      maxCallsPerKey: 2,
      maxCalls: 2,
      maxBodyBytes: bytes,
      maxTotalBodyBytes: bytes,
      ...LOOK_OFTEN,
    });
    for (let round = 1; round <= 3; round += 1) {
      await end(stage);
      const records = await stage.gateway.waitForRecords(round);
      expect(records.map((record) => record.reason)).toEqual(Array.from({ length: round }, () => reason));
    }
    await expectRoomForTwo(stage);
  });
});

/** Two calls with bodies that fill their key's share get in, the next one does not; and again. */
async function expectRoomForTwo(stage: Stage): Promise<void> {
  const body = bodyOf(60_000, "hold");
  const post = (): Promise<Answer> => send(stage.gateway.url, { headers: callHeaders(stage.gateway.key), body });
  const before = stage.held.length;
  const answers = [post(), post()];
  await until(
    () => stage.held.length,
    (count) => count === before + 2,
  );
  expect(refusal(await call(stage))).toEqual(TOO_MANY);
  for (const { response } of stage.held.slice(before)) sendJson(response, RESULT);
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
}
