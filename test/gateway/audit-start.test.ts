import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { AuditRecord } from "../../src/lib/audit/record.ts";
import { callHeaders, send, startTestGateway, toolCall, until, type TestGateway } from "../support/gateway.ts";
import { sendJson, startRawBackend } from "../support/mcp-backend.ts";
import { openPipe } from "../support/slow-pipe.ts";

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const told = ({ phase, backend, seq, request_id, tool_args, reason, http_status, duration_ms }: AuditRecord) => ({
  phase,
  backend,
  seq,
  request_id,
  tool_args,
  reason,
  http_status,
  duration_ms,
});
const parsed = (line: string): ReturnType<typeof told> => told(JSON.parse(line) as AuditRecord);
const ARGS = { namespace: "production" };
const started = (backend: string, seq: number): Partial<AuditRecord> => ({
  phase: "start",
  backend,
  seq,
  request_id: expect.stringMatching(/^req_/) as string,
  tool_args: ARGS,
  reason: "granted",
  http_status: null,
  duration_ms: 0,
});
const ended = (backend: string, seq: number): Partial<AuditRecord> => ({
  ...started(backend, seq),
  phase: "final",
  http_status: 200,
  duration_ms: expect.any(Number) as number,
});

const post = (gateway: Pick<TestGateway, "url" | "key">, backend: string) =>
  send(gateway.url, {
    path: `/mcp/${backend}/mcp`,
    headers: callHeaders(gateway.key),
    body: toolCall("t", JSON.stringify(ARGS)),
  });

describe("a record before the call", () => {
  it.each([
    {
      startRecords: "rw" as const,
      whose: "of backends that can change something",
      seen: [[], [ended("eks-ro", 1), started("eks-rw", 2)]],
      all: [ended("eks-ro", 1), started("eks-rw", 2), ended("eks-rw", 3)],
    },
    {
      startRecords: "all" as const,
      whose: "of every backend",
      seen: [[started("eks-ro", 1)], [started("eks-ro", 1), ended("eks-ro", 2), started("eks-rw", 3)]],
      all: [started("eks-ro", 1), ended("eks-ro", 2), started("eks-rw", 3), ended("eks-rw", 4)],
    },
  ])("is in the file when a backend gets the call: $whose", async ({ startRecords, seen: expected, all }) => {
    const seen: unknown[] = [];
    const backend = await startRawBackend((_got, response) => {
      const look = async (): Promise<void> => {
        seen.push((await gateway.records()).map(told));
        sendJson(response, '{"jsonrpc":"2.0","id":1,"result":{}}');
      };
      void look();
    });
    closing.push(backend.close);
    const urls = { "eks-ro": backend.url, "eks-rw": backend.url.replace("127.0.0.1", "localhost") };
    const gateway = await startTestGateway(urls, {}, { startRecords });
    closing.push(gateway.close);
    await post(gateway, "eks-ro");
    // Its last record comes after its answer.
    await gateway.waitForRecords(startRecords === "all" ? 2 : 1);
    await post(gateway, "eks-rw");
    const records = await gateway.waitForRecords(all.length);
    expect([seen, records.map(told)]).toEqual([expected, all]);
    const ids = records.map(({ backend: name, request_id }) => `${name} ${request_id}`);
    expect(new Set(ids).size).toBe(2);
  });
});

describe("a call that can change something", () => {
  it("waits for its record to be written, while others that need none go on", async () => {
    const received: string[] = [];
    const backend = await startRawBackend(({ rawHeaders }, response) => {
      received.push(rawHeaders.find((value) => value.startsWith("localhost:")) === undefined ? "eks-ro" : "eks-rw");
      sendJson(response, '{"jsonrpc":"2.0","id":1,"result":{}}');
    });
    const pipe = await openPipe();
    closing.push(backend.close, pipe.close);
    const urls = { "eks-ro": backend.url, "eks-rw": backend.url.replace("127.0.0.1", "localhost") };
    const gateway = await startTestGateway(
      urls,
      {},
      { auditFile: pipe.path, limits: { startRecordTimeoutMs: 60_000 } },
    );
    closing.push(gateway.close);
    pipe.fill();
    const waiting = post(gateway, "eks-rw");
    const waitingBytes = async (): Promise<number> =>
      Number(/^mcpctl_audit_waiting_bytes (\d+)$/m.exec(await metrics(gateway))?.[1]);
    await until(waitingBytes, (bytes) => bytes > 0);
    expect((await post(gateway, "eks-ro")).status).toBe(200);
    expect(received).toEqual(["eks-ro"]);
    let text = "";
    const lines = (): unknown[] =>
      text.split("\n").flatMap((line, at, all) => (line === "" || at === all.length - 1 ? [] : [parsed(line)]));
    await until(
      () => (text += pipe.read(4_096)),
      () => received.length === 2,
    );
    text += pipe.read(1024 * 1024);
    expect([received[1], lines()[0]]).toEqual(["eks-rw", started("eks-rw", 1)]);
    expect((await waiting).status).toBe(200);
    await until(
      () => (text += pipe.read(4_096)),
      () => lines().length === 3,
    );
    expect(lines()).toEqual([started("eks-rw", 1), ended("eks-ro", 2), ended("eks-rw", 3)]);
  });
});

const metrics = async ({ adminUrl }: TestGateway): Promise<string> =>
  (await send(adminUrl, { method: "GET", path: "/metrics" })).body;

/** A gateway of these options in a process of its own, which tells its URL and serves until it is killed. */
const PROCESS = `
  const { startGateway } = await import(process.argv[1]);
  const { url } = await startGateway({ ...JSON.parse(process.argv[2]), log: () => undefined });
  console.log(url);
`;

describe("a gateway that is killed in the middle of a call", () => {
  it.each([
    { startRecords: "rw", backend: "eks-rw", left: [started("eks-rw", 1)] },
    { startRecords: "rw", backend: "eks-ro", left: [] },
    { startRecords: "all", backend: "eks-ro", left: [started("eks-ro", 1)] },
  ])("leaves $left.length record of a call to $backend with --audit-start $startRecords", async (given) => {
    const server = await startRawBackend(() => undefined);
    closing.push(server.close);
    // It lends its files and its key.
    const { folder, key, close } = await startTestGateway({
      "eks-ro": server.url,
      "eks-rw": server.url.replace("127.0.0.1", "localhost"),
    });
    closing.push(close);
    const auditFile = join(folder, "log", "other.jsonl");
    const options = {
      keys: [{ path: join(folder, "keys.json"), role: null }],
      locks: join(folder, "denylist.json"),
      roles: join(folder, "roles.yaml"),
      backends: join(folder, "backends.yaml"),
      sessionSecret: null,
      tls: null,
      auditFile,
      listen: {
        host: "127.0.0.1",
        port: 0,
      },
      admin: {
        host: "127.0.0.1",
        port: 0,
      },
      startRecords: given.startRecords,
      redactedNames: [],
      allowsBareHashes: false,
      allowedHosts: [],
      allowedOrigins: [],
      trustedProxies: [],
      instance: "killed",
      maxAgeSeconds: 900,
      version: "0",
    };
    const script = resolve("src/gateway/start-gateway.ts");
    const child = spawn(
      process.execPath,
      ["--input-type=module", "-e", PROCESS, "--", script, JSON.stringify(options)],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    const exited = once(child, "exit");
    try {
      const [line] = (await once(child.stdout, "data")) as [Buffer];
      const call = post({ url: line.toString().trim(), key }, given.backend);
      await until(
        () => server.received.length,
        (count) => count === 1,
      );
      child.kill("SIGKILL");
      await expect(call).rejects.toThrow("socket hang up");
    } finally {
      child.kill("SIGKILL");
      await exited;
    }
    const lines = (await readFile(auditFile, "utf8")).split("\n").slice(0, -1);
    expect(lines.map(parsed)).toEqual(given.left);
  });
});
