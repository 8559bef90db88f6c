import { randomBytes } from "node:crypto";
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { malformed } from "../support/exposition.ts";
import { createAdminServer } from "../../src/gateway/admin/admin-server.ts";
import type { Report } from "../../src/gateway/admin/report.ts";
import { listen } from "../../src/gateway/server.ts";
import { mintKey } from "../../src/lib/keys/key.ts";
import {
  callHeaders,
  keysJson,
  ROLES,
  registryOf,
  send,
  startTestGateway,
  toolCall,
  until,
  type TestGateway,
} from "../support/gateway.ts";
import { sendJson, startRawBackend, type Backend } from "../support/mcp-backend.ts";

let backend: Backend;
let gateway: TestGateway;
const keys = {
  good: mintKey(randomBytes),
  expired: mintKey(randomBytes),
  revoked: mintKey(randomBytes),
  locked: mintKey(randomBytes),
};
let keysText: string;

beforeAll(async () => {
  backend = await startRawBackend((_got, response) =>
    sendJson(response, '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'),
  );
  keysText = keysJson(keys.good, {
    [`dev-readonly.${keys.expired.hash}`]: "dev-readonly/agent-01?exp=2020-01-01T00:00:00Z",
    [`dev-readonly.${keys.revoked.hash}`]: "dev-readonly/agent-01",
    [`dev-readonly.${keys.revoked.hash}.revoked`]: "",
    [`dev-readonly.${keys.locked.hash}`]: "dev-readonly/agent-02",
    "something else": "x",
  });
  const locks = JSON.stringify({
    locks: [
      {
        id: "lock_1",
        match: { user: "agent-02" },
        reason: "x",
        tell: false,
        by: "me",
        at: "2026-01-01T00:00:00Z",
        until: null,
      },
    ],
  });
  gateway = await startTestGateway({ "eks-ro": backend.url }, { keys: keysText, locks });
});

afterAll(async () => {
  await gateway.close();
  await backend.close();
});

const get = async (
  path: string,
  headers: readonly string[] = [],
  method = "GET",
): Promise<{ status: number; body: unknown }> => {
  const answer = await send(gateway.adminUrl, { method, path, headers });
  return {
    status: answer.status,
    body: answer.headers["content-type"] === "application/json" ? (JSON.parse(answer.body) as unknown) : answer.body,
  };
};

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

const source = (what: string, file: string, text: string) => ({
  what,
  path: `${gateway.folder}/${file}`,
  usable: true,
  sha256: sha256(text),
  resource_version: null,
  age_seconds: expect.any(Number) as unknown,
  problem: null,
});

describe("the admin listener", () => {
  it("tells health and readiness", async () => {
    expect([await get("/healthz"), await get("/readyz")]).toEqual([
      { status: 200, body: { status: "ok" } },
      { status: 200, body: { ready: true, reasons: [], problems: [] } },
    ]);
  });

  it("tells what is loaded", async () => {
    const { body } = await get("/state");
    expect(body).toEqual({
      version: "0.0.0-test",
      instance: "gw-test",
      ready: [],
      sources: [
        source("keys", "keys.json", keysText),
        source("roles", "roles.yaml", ROLES),
        source("backends", "backends.yaml", registryOf({ "eks-ro": backend.url })),
        { ...source("locks", "denylist.json", ""), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown },
        { ...source("session secret", "session-secret", ""), sha256: null },
      ],
      counts: { keys: 4, foreign_entries: 1, roles: 1, backends: 1, locks: 1, calls_in_flight: 0, open_streams: 0 },
      audit: { failing: false, failed_writes: 0, dropped_records: 0 },
    });
  });

  it.each([
    { query: `key=${keys.good.id}`, answer: { accepted: 1, refused: [] } },
    {
      query: "user=agent-01",
      answer: {
        accepted: 1,
        refused: [
          { key_id: keys.expired.id, reason: "key_expired" },
          { key_id: keys.revoked.id, reason: "key_revoked" },
        ],
      },
    },
    { query: "user=agent-02", answer: { accepted: 0, refused: [{ key_id: keys.locked.id, reason: "user_locked" }] } },
    { query: "role=nobody", answer: { accepted: 0, refused: [] } },
    { query: `role=dev-readonly&key=${keys.good.id}`, answer: { accepted: 1, refused: [] } },
  ])("tells how many keys would be accepted: $query", async ({ query, answer }) => {
    expect((await get(`/state?${query}`)).body).toMatchObject({ keys: answer });
  });

  it("counts requests", async () => {
    await send(gateway.url, { headers: callHeaders(keys.good), body: toolCall("t") });
    await send(gateway.url, { path: "/mcp/made-up/mcp", headers: callHeaders(keys.good), body: toolCall("t") });
    const text = await until(
      async () => String((await get("/metrics")).body),
      (metrics) => metrics.includes("backend_unknown"),
    );
    expect(
      text.split("\n").filter((line) => line.startsWith("mcpctl_requests_total") || line.startsWith("mcpctl_keys{")),
    ).toEqual([
      'mcpctl_requests_total{role="dev-readonly",backend="eks-ro",decision="allow",reason="granted",status="200"} 1',
      'mcpctl_requests_total{role="dev-readonly",backend="",decision="deny",reason="backend_unknown",status="404"} 1',
      'mcpctl_keys{state="active"} 2',
      'mcpctl_keys{state="superseded"} 0',
      'mcpctl_keys{state="expired"} 1',
      'mcpctl_keys{state="revoked"} 1',
      'mcpctl_keys{state="unusable"} 0',
    ]);
    expect(
      text
        .split("\n")
        .filter((line) => /^mcpctl_(request_duration_seconds_count|roles|backends|locks|source_info)\b/.test(line)),
    ).toEqual([
      'mcpctl_request_duration_seconds_count{backend="eks-ro",decision="allow"} 1',
      'mcpctl_request_duration_seconds_count{backend="",decision="deny"} 1',
      `mcpctl_source_info{what="keys",path="${gateway.folder}/keys.json",sha256="${sha256(keysText)}"} 1`,
      `mcpctl_source_info{what="roles",path="${gateway.folder}/roles.yaml",sha256="${sha256(ROLES)}"} 1`,
      expect.stringMatching(/^mcpctl_source_info\{what="backends",.*,sha256="[0-9a-f]{64}"\} 1$/),
      expect.stringMatching(/^mcpctl_source_info\{what="locks",.*,sha256="[0-9a-f]{64}"\} 1$/),
      "mcpctl_roles 1",
      "mcpctl_backends 1",
      "mcpctl_locks 1",
    ]);
    expect(malformed(text)).toEqual([]);
  });

  it.each([
    { what: "another host", path: "/state", headers: ["host", "evil.example"], method: "GET", status: 403 },
    { what: "a page", path: "/state", headers: ["origin", "http://localhost"], method: "GET", status: 403 },
    { what: "another path", path: "/keys", headers: [], method: "GET", status: 404 },
    { what: "a name of Object's", path: "/constructor", headers: [], method: "GET", status: 404 },
    { what: "an empty path", path: "//", headers: [], method: "GET", status: 404 },
    { what: "a path that is another host's", path: "//evil.example/state", headers: [], method: "GET", status: 404 },
    { what: "another method", path: "/state", headers: [], method: "POST", status: 405 },
  ])("refuses $what: $status", async ({ path, headers, method, status }) => {
    expect((await get(path, headers, method)).status).toBe(status);
  });

  it("outlives a fault of its own, and tells the log alone", async () => {
    const logged: string[] = [];
    const report = {
      metrics: () => {
        throw new Error("a fault");
      },
    } as unknown as Report;
    const surface = { hosts: new Set<string>() };
    const server = createAdminServer({ report, surface, log: (line) => logged.push(line) });
    const url = await listen(server, {
      scheme: "http",
      address: { host: "127.0.0.1", port: 0 },
      what: "it",
      log: () => undefined,
    });
    const answers = [
      await send(url, { method: "GET", path: "/metrics" }),
      await send(url, { method: "GET", path: "/healthz" }),
    ];
    expect(answers.map(({ status, body }) => [status, body])).toEqual([
      [500, '{"error":"internal error"}\n'],
      [200, '{"status":"ok"}\n'],
    ]);
    expect(logged.map((line) => line.split("\n")[0])).toEqual(["admin: Error: a fault"]);
    server.close();
  });

  it("answers probes that name it by address", async () => {
    expect((await get("/healthz", ["host", "10.1.2.3:8081"])).status).toBe(200);
  });
});
