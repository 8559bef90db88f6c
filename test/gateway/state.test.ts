import { randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mintKey } from "../../src/lib/keys/key.ts";
import { formatTime } from "../../src/lib/time.ts";
import type { GatewayOptions } from "../../src/gateway/start-gateway.ts";
import {
  isCut,
  callHeaders,
  keysJson,
  NO_LOCKS,
  open,
  ROLES,
  send,
  startTestGateway,
  toolCall,
  until,
  type TestFiles,
  type TestGateway,
} from "../support/gateway.ts";
import { mount } from "../support/mounted-secret.ts";
import { sendJson, startRawBackend, type Backend, type Received } from "../support/mcp-backend.ts";

let backend: Backend & { readonly received: Received[] };
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  backend = await startRawBackend(({ method, url }, response) => {
    if (method !== "GET" && url !== "/hang")
      return sendJson(response, '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}');
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
  });
  closing.push(backend.close);
});

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function start(files: TestFiles = {}, options: Partial<GatewayOptions> = {}): Promise<TestGateway> {
  const gateway = await startTestGateway(
    { "eks-ro": backend.url, "eks-rw": backend.url.replace("127.0.0.1", "localhost") },
    files,
    options,
  );
  closing.push(gateway.close);
  return gateway;
}

const status = async (gateway: TestGateway, key = gateway.key, path = "/mcp/eks-ro/mcp"): Promise<number> =>
  (await send(gateway.url, { path, headers: callHeaders(key), body: toolCall("t") })).status;
const openStream = (gateway: TestGateway): Promise<IncomingMessage> =>
  open(gateway.url, { method: "GET", headers: [...callHeaders(gateway.key), "mcp-session-id", gateway.session("s")] });

const lockOn = (match: Readonly<Record<string, unknown>>, id = "lock_1"): string =>
  JSON.stringify({
    locks: [{ id, match, reason: "x", tell: false, by: "me", at: "2026-01-01T00:00:00Z", until: null }],
  });

describe("keys", () => {
  it("are followed without dropping a request", async () => {
    const gateway = await start();
    const other = mintKey(randomBytes);
    const over = new AbortController();
    const hammer = async (): Promise<number[]> => {
      const seen: number[] = [];
      while (!over.signal.aborted) seen.push(await status(gateway));
      return seen;
    };
    const hammers = [hammer(), hammer()];
    for (let round = 0; round < 20; round += 1)
      await gateway.put(
        "keys.json",
        keysJson(gateway.key, { [`dev-readonly.${other.hash}`]: `dev-readonly/user-${round}` }),
      );
    await until(
      () => status(gateway, other),
      (code) => code === 200,
    );
    over.abort();
    expect(new Set((await Promise.all(hammers)).flat())).toEqual(new Set([200]));
  });

  it("that are revoked lose their open streams, their record saying why", async () => {
    const gateway = await start();
    const stream = await openStream(gateway);
    const cut = isCut(stream);
    await gateway.put(
      "keys.json",
      keysJson(gateway.key, { [`dev-readonly.${gateway.key.hash}.revoked`]: "at=2026-11-20T09:00:00Z" }),
    );
    expect(await cut).toBe(true);
    expect(await status(gateway)).toBe(401);
    expect((await gateway.waitForRecords(1))[0]).toMatchObject({
      type: "mcp_tool_call",
      phase: "final",
      method: null,
      decision: "allow",
      reason: "key_revoked",
      http_status: 200,
      key_id: gateway.key.id,
    });
  });

  it("that are revoked lose their calls in flight, which are told so", async () => {
    const hanging = await startRawBackend(() => undefined);
    closing.push(hanging.close);
    const gateway = await startTestGateway({ "eks-ro": hanging.url });
    closing.push(gateway.close);
    const answer = send(gateway.url, { headers: callHeaders(gateway.key), body: toolCall("t") });
    await until(
      () => hanging.received.length,
      (count) => count === 1,
    );
    await gateway.put("keys.json", keysJson(gateway.key, { [`dev-readonly.${gateway.key.hash}.revoked`]: "" }));
    expect((await answer).status).toBe(401);
    expect((await gateway.waitForRecords(1))[0]).toMatchObject({
      type: "mcp_tool_call",
      decision: "allow",
      reason: "key_revoked",
      http_status: 401,
    });
  });

  it("stay revoked when the revocation vanishes", async () => {
    const gateway = await start();
    await gateway.put("keys.json", keysJson(gateway.key, { [`dev-readonly.${gateway.key.hash}.revoked`]: "" }));
    await until(
      () => status(gateway),
      (code) => code === 401,
    );
    const other = mintKey(randomBytes);
    await gateway.put("keys.json", keysJson(gateway.key, { [`dev-readonly.${other.hash}`]: "dev-readonly/other" }));
    await until(
      () => status(gateway, other),
      (code) => code === 200,
    );
    expect(await status(gateway)).toBe(401);
  });

  it("end by themselves, and their streams with them", async () => {
    const key = mintKey(randomBytes);
    const record = `dev-readonly/agent-01?exp=${formatTime(Date.now() + 2_000)}`;
    const gateway = await start({ keys: keysJson(key, {}, record) });
    const stream = await open(gateway.url, {
      method: "GET",
      headers: [...callHeaders(key), "mcp-session-id", gateway.session("s", "eks-ro", key)],
    });
    expect(await isCut(stream)).toBe(true);
    expect((await gateway.waitForRecords(1))[0]).toMatchObject({
      type: "mcp_tool_call",
      reason: "key_expired",
      decision: "allow",
    });
  });

  it("stay in force while their file is broken, until the age limit", async () => {
    const gateway = await start({}, { maxAgeSeconds: 1 });
    await gateway.put("keys.json", "{");
    await until(
      () => gateway.logged.join(),
      (text) => text.includes("is not a keys.json"),
    );
    expect(await status(gateway)).toBe(200);
    const refused = await until(
      () => send(gateway.url, { headers: callHeaders(gateway.key), body: toolCall("t") }),
      ({ status }) => status !== 200,
    );
    expect({
      status: refused.status,
      retry: refused.headers["retry-after"],
      body: JSON.parse(refused.body) as unknown,
    }).toMatchObject({
      status: 503,
      retry: "5",
      body: { error: { code: -31503, message: "The gateway cannot decide now" } },
    });
    await gateway.put("keys.json", keysJson(gateway.key));
    await until(
      () => status(gateway),
      (code) => code === 200,
    );
  });

  it("are written in place as well", async () => {
    const gateway = await start();
    await writeFile(join(gateway.folder, "keys.json"), "{}");
    const code = await until(
      () => status(gateway),
      (code) => code !== 200,
    );
    expect(code).toBe(401);
  });
});

const now = (agoSeconds = 0): string => formatTime(Date.now() - agoSeconds * 1000);

async function startMounted(
  files: Readonly<Record<string, string>>,
  options: Partial<GatewayOptions> = {},
): Promise<{ gateway: TestGateway; folder: string }> {
  const first = await startTestGateway({ "eks-ro": backend.url });
  closing.push(first.close);
  const folder = join(first.folder, "secret");
  await mkdir(folder);
  await mount(folder, "..1", files);
  return { gateway: await start({}, { keys: [{ path: folder, role: null }], ...options }), folder };
}

describe("a mounted Secret", () => {
  it("is read, and followed through the kubelet's swap", async () => {
    const [one, two] = [mintKey(randomBytes), mintKey(randomBytes)];
    const { gateway, folder } = await startMounted({ "keys.json": keysJson(one), synced: now() });
    expect([await status(gateway, one), await status(gateway, two)]).toEqual([200, 401]);
    await mount(folder, "..2", { "keys.json": keysJson(two), synced: now() });
    await until(
      () => status(gateway, two),
      (code) => code === 200,
    );
    expect(await status(gateway, one)).toBe(401);
  });

  it.each([
    { what: "whose synced is missing", synced: null },
    { what: "whose synced is unreadable", synced: "soon" },
    { what: "whose synced is too old", synced: now(1000) },
  ])("$what is silence: 503", async ({ synced }) => {
    const key = mintKey(randomBytes);
    const { gateway, folder } = await startMounted({
      "keys.json": keysJson(key),
      ...(synced === null ? {} : { synced }),
    });
    expect(await status(gateway, key)).toBe(503);
    expect((await gateway.waitForRecords(1))[0]).toMatchObject({
      type: "mcp_refusal",
      decision: "unknown",
      reason: "keys_unavailable",
      http_status: 503,
    });
    await mount(folder, "..2", { "keys.json": keysJson(key), synced: now() });
    await until(
      () => status(gateway, key),
      (code) => code === 200,
    );
  });

  it("that ages cuts what is open", async () => {
    const key = mintKey(randomBytes);
    const { gateway } = await startMounted({ "keys.json": keysJson(key), synced: now(898) });
    const stream = await open(gateway.url, {
      method: "GET",
      headers: [...callHeaders(key), "mcp-session-id", gateway.session("s", "eks-ro", key)],
    });
    expect(await isCut(stream)).toBe(true);
    expect((await gateway.waitForRecords(1))[0]).toMatchObject({
      type: "mcp_tool_call",
      reason: "keys_unavailable",
      decision: "allow",
    });
  });

  it.each([
    { allowsBareHashes: false, code: 401 },
    { allowsBareHashes: true, code: 200 },
  ])("takes bare hashes only when told to ($allowsBareHashes)", async ({ allowsBareHashes, code }) => {
    const key = mintKey(randomBytes);
    const { gateway } = await startMounted(
      { "keys.json": JSON.stringify({ [key.hash]: "dev-readonly/agent-01" }), synced: now() },
      { allowsBareHashes },
    );
    expect(await status(gateway, key)).toBe(code);
  });
});

describe("locks", () => {
  it.each([
    { match: (gateway: TestGateway) => ({ key: gateway.key.id }), code: 401, reason: "key_locked" },
    { match: () => ({ user: "agent-01" }), code: 401, reason: "user_locked" },
    { match: () => ({ role: "dev-readonly" }), code: 403, reason: "role_locked" },
    { match: () => ({ backend: "eks-ro" }), code: 403, reason: "backend_locked" },
    { match: () => ({ all: true }), code: 403, reason: "all_locked" },
  ])("refuse with $code and cut what is open: $reason", async ({ match, code, reason }) => {
    const gateway = await start();
    const cut = isCut(await openStream(gateway));
    await gateway.put("denylist.json", lockOn(match(gateway)));
    expect(await cut).toBe(true);
    expect(await status(gateway)).toBe(code);
    expect((await gateway.waitForRecords(2)).map((record) => record.reason)).toEqual([reason, reason]);
  });

  it("stay when they merely vanish, and go when they are removed", async () => {
    const gateway = await start();
    await gateway.put("denylist.json", lockOn({ user: "agent-01" }));
    await until(
      () => status(gateway),
      (code) => code === 401,
    );
    await gateway.put("denylist.json", lockOn({ user: "agent-77" }, "lock_2"));
    await until(
      () => gateway.logged.join(),
      (text) => text.includes("1 locks vanished"),
    );
    expect(await status(gateway)).toBe(401);
    await gateway.put(
      "denylist.json",
      '{"locks":[],"removed":[{"id":"lock_1","by":"me","at":"2026-01-01T00:00:00Z"}]}',
    );
    await until(
      () => status(gateway),
      (code) => code === 200,
    );
  });

  it("that are not wholly understood refuse every call at once", async () => {
    const gateway = await start();
    const cut = isCut(await openStream(gateway));
    await gateway.put("denylist.json", '{"locks":[{"id":"lock_1"}]}');
    expect(await cut).toBe(true);
    expect(await status(gateway)).toBe(503);
    expect((await gateway.waitForRecords(2))[1]).toMatchObject({
      decision: "unknown",
      reason: "locks_unavailable",
      http_status: 503,
    });
    await gateway.put("denylist.json", NO_LOCKS);
    await until(
      () => status(gateway),
      (code) => code === 200,
    );
  });

  it("that were never seen refuse every call", async () => {
    const gateway = await start({ locks: null });
    expect(await status(gateway)).toBe(503);
    const told = `locks ${gateway.folder}/denylist.json: does not exist; every call is refused until it does: restore it, or create it with {"locks": []}`;
    expect(gateway.logged.filter((line) => line.startsWith("locks"))).toEqual([told]);
    await gateway.put("denylist.json", NO_LOCKS);
    await until(
      () => status(gateway),
      (code) => code === 200,
    );
  });

  it("of a file that vanished hold until the age limit", async () => {
    const gateway = await start({ locks: lockOn({ user: "agent-77" }) }, { maxAgeSeconds: 1 });
    await rm(join(gateway.folder, "denylist.json"));
    await until(
      () => gateway.logged.join(),
      (text) =>
        text.includes(
          'does not exist; the locks it held stay in force until the age limit, then every call is refused: restore it, or create it with {"locks": []}',
        ),
    );
    expect(await status(gateway)).toBe(200);
    await until(
      () => status(gateway),
      (code) => code === 503,
    );
  });
});

describe("roles and backends", () => {
  it("are followed: a lost grant cuts what is open", async () => {
    const gateway = await start();
    const cut = isCut(await openStream(gateway));
    await gateway.put("roles.yaml", ROLES.replace("    - eks-ro\n", ""));
    expect(await cut).toBe(true);
    expect(await status(gateway)).toBe(403);
  });

  it("with an error keep the last good file, and say so once", async () => {
    const gateway = await start();
    await gateway.put("roles.yaml", "roleMapping: { dev-readonly: [eks-ro, eks-ro] }");
    await until(
      () => gateway.logged.join(),
      (text) => text.includes("eks-ro"),
    );
    expect(await status(gateway)).toBe(200);
    expect(gateway.logged.filter((line) => line.startsWith("roles")).length).toBe(2);
  });

  it("are waited for: a gateway starts before its files", async () => {
    const gateway = await start(
      {},
      {
        keys: [{ path: "/nonexistent/keys.json", role: null }],
        roles: "/nonexistent/roles.yaml",
        backends: "/nonexistent/backends.yaml",
        locks: "/nonexistent/denylist.json",
      },
    );
    expect(await status(gateway)).toBe(503);
    const ready = await send(gateway.adminUrl, { method: "GET", path: "/readyz" });
    expect({ status: ready.status, body: JSON.parse(ready.body) as unknown }).toEqual({
      status: 503,
      body: {
        ready: false,
        reasons: ["keys_unavailable", "policy_unavailable", "locks_unavailable"],
        problems: [
          "keys /nonexistent/keys.json does not exist",
          "roles /nonexistent/roles.yaml does not exist",
          "backends /nonexistent/backends.yaml does not exist",
          'locks /nonexistent/denylist.json: does not exist; every call is refused until it does: restore it, or create it with {"locks": []}',
        ],
      },
    });
  });
});
