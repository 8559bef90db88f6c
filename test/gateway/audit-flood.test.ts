import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { AuditRecord } from "../../src/lib/audit/record.ts";
import { mintKey } from "../../src/lib/keys/key.ts";
import type { GatewayOptions } from "../../src/gateway/start-gateway.ts";
import {
  callHeaders,
  keysJson,
  send,
  startTestGateway,
  toolCall,
  until,
  type TestGateway,
} from "../support/gateway.ts";
import { sendJson, startRawBackend } from "../support/mcp-backend.ts";
import { openPipe, type SlowPipe } from "../support/slow-pipe.ts";

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function start(options: Partial<GatewayOptions>): Promise<TestGateway> {
  const backend = await startRawBackend((_got, response) =>
    sendJson(response, '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'),
  );
  closing.push(backend.close);
  const gateway = await startTestGateway({ "eks-ro": backend.url }, {}, options);
  closing.push(gateway.close);
  return gateway;
}

const call = async (gateway: TestGateway, args = "{}"): Promise<number> =>
  (await send(gateway.url, { headers: callHeaders(gateway.key), body: toolCall("t", args) })).status;

/** The sum of all samples of this counter. */
async function counted(gateway: TestGateway, name: string): Promise<number> {
  const { body } = await send(gateway.adminUrl, { method: "GET", path: "/metrics" });
  const samples = body.split("\n").filter((line) => line.startsWith(`${name}{`));
  return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** That nothing got lost without a trace; call it after a call that was recorded, when nothing is under way. */
async function expectComplete(gateway: TestGateway, records: readonly AuditRecord[]): Promise<void> {
  const [requests, unsampled] = await Promise.all([
    counted(gateway, "mcpctl_requests_total"),
    counted(gateway, "mcpctl_refusals_unsampled_total"),
  ]);
  expect(records.map(({ seq }) => seq)).toEqual(records.map((_record, at) => at + 1));
  expect({ finals: records.filter(({ phase }) => phase === "final").length + unsampled, told: unsampled }).toEqual({
    finals: requests,
    told: sum(records.map((record) => record.unsampled)),
  });
}

interface Kind {
  readonly reason: string;
  readonly head: (token: string) => string;
}

const POST = "POST /mcp/eks-ro/mcp HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n";
const KINDS: readonly Kind[] = [
  { reason: "key_unknown", head: (token) => `${POST}authorization: Bearer ${token}\r\n\r\n` },
  { reason: "key_missing", head: () => `${POST}\r\n` },
  { reason: "key_malformed", head: () => `${POST}authorization: Bearer x\r\n\r\n` },
  { reason: "host_not_allowed", head: () => POST.replace("localhost", "evil.example") + "\r\n" },
  { reason: "path_unknown", head: () => POST.replace("/mcp/eks-ro/mcp", "/.env") + "\r\n" },
  { reason: "http_method_not_allowed", head: () => POST.replace("POST", "PATCH") + "\r\n" },
  { reason: "get_without_session", head: () => "GET /mcp/eks-ro/mcp HTTP/1.1\r\nhost: localhost\r\n\r\n" },
  { reason: "http_malformed", head: () => "GET /mcp/eks-ro/mcp HTTP/1.1\r\nhost localhost\r\n\r\n" },
];

/** Sends these on one connection without waiting for answers; resolves to their statuses. */
async function pipeline(gateway: TestGateway, requests: readonly string[]): Promise<string[]> {
  const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1");
  const done = Promise.withResolvers<void>();
  const statuses: string[] = [];
  let rest = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    const text = rest + chunk;
    statuses.push(...Array.from(text.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status]) => status as string));
    rest = text.slice(Math.max(text.lastIndexOf("HTTP/1.1 ") + 13, text.length - 12));
    if (statuses.length >= requests.length) done.resolve();
  });
  socket.on("close", () => done.resolve()).on("error", done.reject);
  socket.write(requests.join(""));
  await done.promise;
  socket.destroy();
  return statuses;
}

describe("a flood of refusals", () => {
  it("hides nothing: what is not written is counted, and calls go on", async () => {
    // Time stands still: of each kind as many are written as at once may be.
    const gateway = await start({ clock: { now: Date.now, monotonic: () => 1_000 } });
    const revoked = mintKey(randomBytes);
    const entry = `dev-readonly.${revoked.hash}`;
    await gateway.put(
      "keys.json",
      keysJson(gateway.key, { [entry]: "dev-readonly/agent-02", [`${entry}.revoked`]: "" }),
    );
    const keysRead = async (): Promise<number> => counted(gateway, "mcpctl_keys");
    await until(keysRead, (keys) => keys === 2);

    const flood = { isOver: false };
    const calls = Array.from({ length: 4 }, async () => {
      const statuses: number[] = [];
      do statuses.push(await call(gateway));
      while (!flood.isOver);
      return statuses;
    });
    const tokens = Array.from({ length: 50 }, () => mintKey(randomBytes).token.reveal());
    const usual = KINDS.filter(({ reason }) => reason !== "http_malformed");
    const batch = (kind: Kind, middle: readonly string[] = []): Promise<string[]> => {
      const half = Array.from({ length: 50 }, (_none, at) => kind.head(tokens[at] as string));
      return pipeline(gateway, [...half, ...middle, ...half]);
    };
    const middle = (round: number): string[] =>
      round === 10 ? [`${POST}authorization: Bearer ${revoked.token.reveal()}\r\n\r\n`] : [];
    let answers = 0;
    for (let round = 0; round < 28; round += 1) {
      const some = await Promise.all(usual.map((kind, at) => batch(kind, at === 0 ? middle(round) : [])));
      const broken = KINDS.filter(({ reason }) => reason === "http_malformed");
      const ended = await Promise.all(
        Array.from({ length: 15 }, () => pipeline(gateway, [broken[0]?.head("") as string])),
      );
      answers += [...some, ...ended].flat().length;
    }
    flood.isOver = true;
    const statuses = (await Promise.all(calls)).flat();
    expect([answers, new Set(statuses)]).toEqual([28 * (7 * 100 + 15) + 1, new Set([200])]);

    // The last record tells what came before it.
    expect(await call(gateway)).toBe(200);
    const isLast = (records: readonly AuditRecord[]): boolean =>
      records.filter(({ reason }) => reason === "granted").length === statuses.length + 1;
    const records = await until(gateway.records, isLast);
    const written = Object.groupBy(records, ({ reason }) => reason);
    expect(Object.fromEntries(Object.entries(written).map(([reason, of]) => [reason, of.length]))).toEqual({
      ...Object.fromEntries(KINDS.map(({ reason }) => [reason, 100])),
      key_revoked: 1,
      granted: statuses.length + 1,
    });
    expect(written.key_revoked?.[0]?.key_id).toBe(revoked.id);
    // People are told nothing of it, or the flood would be theirs.
    expect(gateway.logged.filter((line) => !line.endsWith("is read and in force"))).toEqual([]);
    await expectComplete(gateway, records);
  });
});

/** A pipe that is closed after the gateway. */
async function pipe(): Promise<SlowPipe> {
  const opened = await openPipe();
  closing.push(opened.close);
  return opened;
}

describe("a pipe whose reader is slow", () => {
  it("holds up nothing but calls, and loses no record of one that was forwarded", async () => {
    const { path, read } = await pipe();
    const gateway = await start({ auditFile: path, limits: { maxAuditBytes: 256 * 1024 } });
    const args = JSON.stringify({ text: "x".repeat(10_000) });
    const statuses: number[] = [];
    const more = async (): Promise<number> => {
      statuses.push(await call(gateway, args));
      return statuses.at(-1) as number;
    };
    // Nobody reads: the pipe fills, then the room for records.
    await until(more, (status) => status === 503);
    expect(statuses.indexOf(503)).toBeGreaterThan(20);
    const health = await send(gateway.adminUrl, { method: "GET", path: "/healthz" });
    const ready = await send(gateway.adminUrl, { method: "GET", path: "/readyz" });
    expect([health.status, JSON.parse(ready.body)]).toMatchObject([
      200,
      { ready: false, reasons: ["audit_unavailable"] },
    ]);
    expect(gateway.logged.filter((line) => line.startsWith("audit:"))).toEqual([]);

    // Read in sips, it takes calls again.
    let text = "";
    const sip = (): number => (text += read(4_096)).length;
    await until(
      async () => {
        sip();
        return more();
      },
      (status) => status === 200,
    );
    const parsed = (): AuditRecord[] =>
      text
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as AuditRecord);
    const forwarded = statuses.filter((status) => status === 200).length;
    const isWhole = (records: readonly AuditRecord[]): boolean =>
      records.filter(({ type }) => type === "mcp_tool_call").length >= forwarded;
    const records = await until(() => {
      sip();
      return parsed();
    }, isWhole);
    expect(records.filter(({ type }) => type === "mcp_tool_call").length).toBe(forwarded);
    await expectComplete(gateway, records);
  });

  it("gets every record of the calls before the gateway ends", async () => {
    const { path, read } = await pipe();
    const gateway = await start({ auditFile: path });
    const args = JSON.stringify({ text: "x".repeat(10_000) });
    for (let made = 0; made < 12; made += 1) expect(await call(gateway, args)).toBe(200);
    const drained = { done: false };
    const drain = gateway.drain().then((isRecorded) => {
      drained.done = true;
      return isRecorded;
    });
    let text = "";
    await until(
      () => (text += read(4_096)),
      () => drained.done,
    );
    text += read(1024 * 1024);
    const records = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as AuditRecord);
    expect([await drain, records.map(({ seq, reason }) => [seq, reason])]).toEqual([
      true,
      Array.from({ length: 12 }, (_none, at) => [at + 1, "granted"]),
    ]);
  });
});

describe("a pipe that nobody reads", () => {
  it("does not keep the gateway from ending, which tells what was lost", async () => {
    const { path, fill } = await pipe();
    fill();
    const gateway = await start({ auditFile: path, limits: { flushTimeoutMs: 50 } });
    expect(await call(gateway)).toBe(200);
    expect([await gateway.drain(), gateway.logged.at(-1)]).toEqual([
      false,
      expect.stringMatching(/^audit: \d+ bytes of records could not be written$/),
    ]);
  });
});

describe("a full disk", () => {
  it("lets no call through that it could not record, while the gateway goes on", async () => {
    const gateway = await start({ auditFile: "/dev/full", limits: { flushTimeoutMs: 50 } });
    await until(
      () => call(gateway),
      (status) => status === 503,
    );
    const refused = await Promise.all(Array.from({ length: 200 }, () => call(gateway)));
    const health = await send(gateway.adminUrl, { method: "GET", path: "/healthz" });
    expect([new Set(refused), health.status]).toEqual([new Set([503]), 200]);
  });
});
