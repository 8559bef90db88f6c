import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import {
  callHeaders,
  keysJson,
  registryOf,
  ROLES,
  send,
  startTestGateway,
  toolCall,
  until,
} from "../support/gateway.ts";
import type { TestGateway } from "../support/gateway.ts";
import { sendJson, startRawBackend } from "../support/mcp-backend.ts";

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const CLIENTS = 8;
const REPLACEMENTS = 200;

interface Files {
  readonly keys: string;
  readonly roles: string;
  readonly backends: string;
  /** Null for no file: one that is broken refuses every call, one that vanished does not. */
  readonly locks: string | null;
}
const NAMES = { keys: "keys.json", roles: "roles.yaml", backends: "backends.yaml", locks: "denylist.json" } as const;
const LOCKS = '{"locks":[],"removed":[]}';

async function start(): Promise<{ readonly gateway: TestGateway; readonly good: Files }> {
  const backend = await startRawBackend((_got, response) =>
    sendJson(response, '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'),
  );
  closing.push(backend.close);
  const urls = { "eks-ro": backend.url };
  const gateway = await startTestGateway(urls);
  closing.push(gateway.close);
  return { gateway, good: { keys: keysJson(gateway.key), roles: ROLES, backends: registryOf(urls), locks: LOCKS } };
}

/** Calls one after the other on one connection each until `stop`, which tells how they ended. */
function load(gateway: TestGateway): { readonly made: () => number; readonly stop: () => Promise<Set<string>> } {
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  closing.push(() => agent.destroy());
  const over = { isSo: false };
  let made = 0;
  const clients = Array.from({ length: CLIENTS }, async () => {
    const ends = new Set<string>();
    while (!over.isSo) {
      ends.add(await call(gateway, agent));
      made += 1;
    }
    return ends;
  });
  const stop = async (): Promise<Set<string>> => {
    over.isSo = true;
    return new Set((await Promise.all(clients)).flatMap((ends) => [...ends]));
  };
  return { made: () => made, stop };
}

function call(gateway: TestGateway, agent: Agent): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const url = new URL(gateway.url);
  const body = toolCall("t");
  const asking = request({
    host: url.hostname,
    port: url.port,
    method: "POST",
    path: "/mcp/eks-ro/mcp",
    agent,
    headers: [...callHeaders(gateway.key), "host", url.host, "content-length", String(body.length)],
  });
  asking.on("error", (error) => resolve(error.message));
  asking.on("response", (response) => {
    response.resume().on("error", (error) => resolve(error.message));
    response.on("end", () => resolve(String(response.statusCode)));
  });
  asking.end(body);
  return promise;
}

interface Source {
  readonly path: string;
  readonly sha256: string;
  readonly usable: boolean;
  readonly problem: string | null;
}

/** What the gateway says of the four files. */
async function sources(gateway: TestGateway): Promise<readonly Source[]> {
  const { body } = await send(gateway.adminUrl, { method: "GET", path: "/state" });
  const all = (JSON.parse(body) as { sources: readonly Source[] }).sources;
  return all.filter(({ path }) => Object.values(NAMES).some((name) => path.endsWith(name)));
}

async function putAll(gateway: TestGateway, files: Files): Promise<void> {
  for (const [kind, name] of Object.entries(NAMES)) {
    const text = files[kind as keyof Files];
    if (text === null) await rm(join(gateway.folder, name), { force: true });
    else await gateway.put(name, text);
  }
}

/** In these rounds all that was put is waited for. */
const isAwaited = (round: number): boolean => round % 20 === 19;

/** Replaces all four files this often, each time with what this makes of the good ones, and lets calls go on between. */
async function replaceOften(
  gateway: TestGateway,
  made: () => number,
  content: (round: number) => Files,
): Promise<void> {
  for (let round = 0; round < REPLACEMENTS; round += 1) {
    const files = content(round);
    await putAll(gateway, files);
    if (isAwaited(round)) await untilInForce(gateway, files);
    const before = made();
    // Twice as many calls as clients: one of them at least began after the files were read.
    const enough = isAwaited(round) ? 2 * CLIENTS : 1;
    await until(made, (now) => now >= before + enough);
  }
}

async function untilInForce(gateway: TestGateway, files: Files): Promise<void> {
  const wanted = Object.entries(NAMES).map(([kind, name]) => [
    name,
    createHash("sha256")
      .update(files[kind as keyof Files] ?? "")
      .digest("hex"),
  ]);
  await until(
    () => sources(gateway),
    (all) => wanted.every(([name = "", sha256]) => all.some((one) => one.path.endsWith(name) && one.sha256 === sha256)),
  );
}

/** The same for whoever reads it, in other bytes each time. */
const equivalent = ({ keys, roles, backends, locks }: Files, round: number): Files => ({
  keys: keys + " ".repeat(round),
  roles: `${roles}# ${round}\n`,
  backends: `${backends}# ${round}\n`,
  locks: (locks ?? LOCKS) + " ".repeat(round),
});

const BROKEN: Files = { keys: '{"x', roles: "roleMapping: [", backends: "backends: [", locks: null };

describe("steady calls", () => {
  it("do not notice that files are replaced with what means the same", async () => {
    const { gateway, good } = await start();
    const { made, stop } = load(gateway);
    await replaceOften(gateway, made, (round) => equivalent(good, round));
    expect(await stop()).toEqual(new Set(["200"]));
    const records = await until(gateway.records, (all) => all.length >= made());
    expect([records.length, new Set(records.map(({ reason }) => reason))]).toEqual([made(), new Set(["granted"])]);
    expect(new Set(records.map(({ policy }) => policy)).size).toBeGreaterThanOrEqual(REPLACEMENTS / 20);
    expect(records.map(({ seq }) => seq)).toEqual(records.map((_record, at) => at + 1));
  });

  it("go on with the last good files while each is broken or gone half of the time", async () => {
    const { gateway, good } = await start();
    const { made, stop } = load(gateway);
    await replaceOften(gateway, made, (round) => (round % 2 === 0 ? BROKEN : equivalent(good, round)));
    // Broken for good: the gateway says so of each, and has the last good one in force.
    await putAll(gateway, BROKEN);
    await until(
      () => sources(gateway),
      (all) => all.every(({ problem }) => problem !== null),
    );
    const before = made();
    await until(made, (now) => now > before + CLIENTS);
    expect([await stop(), (await sources(gateway)).map(({ usable }) => usable)]).toEqual([
      new Set(["200"]),
      [true, true, true, true],
    ]);
    const records = await until(gateway.records, (all) => all.length >= made());
    expect([records.length, new Set(records.map(({ reason }) => reason))]).toEqual([made(), new Set(["granted"])]);
  });

  it("are refused while the denylist is broken, for nobody knows what it locks, and served when it is mended", async () => {
    const { gateway, good } = await start();
    const agent = new Agent({ keepAlive: true });
    closing.push(() => agent.destroy());
    for (let round = 0; round < 5; round += 1) {
      await putAll(gateway, { ...good, locks: '{"locks":[' });
      expect(
        await until(
          () => call(gateway, agent),
          (status) => status !== "200",
        ),
      ).toBe("503");
      await putAll(gateway, good);
      expect(
        await until(
          () => call(gateway, agent),
          (status) => status !== "503",
        ),
      ).toBe("200");
    }
    const { body } = await send(gateway.adminUrl, { method: "GET", path: "/metrics" });
    const reasons = Array.from(body.matchAll(/^mcpctl_requests_total\{.*reason="(\w+)"/gm), ([, reason]) => reason);
    expect(new Set(reasons)).toEqual(new Set(["granted", "locks_unavailable"]));
  });
});
