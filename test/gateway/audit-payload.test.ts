import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AuditRecord } from "../../src/lib/audit/record.ts";
import { mintKey } from "../../src/lib/keys/key.ts";
import {
  callHeaders,
  send,
  startTestGateway,
  toolCall,
  type Answer,
  type Ask,
  type TestGateway,
} from "../support/gateway.ts";
import { sendJson, startRawBackend, type Backend, type Received } from "../support/mcp-backend.ts";

let backend: Backend & { readonly received: Received[] };
let gateway: TestGateway;
let asked = 0;

beforeAll(async () => {
  backend = await startRawBackend((_got, response) => sendJson(response, '{"jsonrpc":"2.0","id":1,"result":{}}'));
  gateway = await startTestGateway(
    { "eks-ro": backend.url, "mpl-rw": backend.url.replace("127.0.0.1", "localhost") },
    {},
    { redactedNames: ["Case-Number"] },
  );
});

afterAll(async () => {
  await gateway.close();
  await backend.close();
});

/** Asks once: the answer, and the one record that it left, also as text. */
async function recordOf(ask: Ask): Promise<{ answer: Answer; record: AuditRecord; line: string }> {
  const answer = await send(gateway.url, { headers: callHeaders(gateway.key), ...ask });
  asked += 1;
  const records = await gateway.waitForRecords(asked);
  const lines = (await readFile(join(gateway.folder, "log", "audit.jsonl"), "utf8")).split("\n");
  return { answer, record: records[asked - 1] as AuditRecord, line: lines[asked - 1] as string };
}

const withHeaders = (...extra: readonly string[]): readonly string[] => [...callHeaders(gateway.key), ...extra];
const request = (method: string, params: string): string =>
  `{"jsonrpc":"2.0","id":1,"method":"${method}","params":${params}}`;

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

describe("a call with large arguments", () => {
  const text = "ä".repeat(20_000);
  const args = `{"query":"${text}","list":[1,2,{"deep":"x"}],"note":"short"}`;
  const told = {
    query: `[cut: 40000 bytes, sha256 ${sha256(text)}] ${"ä".repeat(64)}`,
    list: [1, 2, { deep: "x" }],
    note: "short",
  };

  it.each([
    { what: "is forwarded whole, and told in 16,000 bytes", path: "/mcp/eks-ro/mcp", status: 200 },
    { what: "is told the same way when it is refused", path: "/mcp/mpl-rw/mcp", status: 403 },
  ])("$what", async ({ path, status }) => {
    const before = backend.received.length;
    const body = toolCall("t", args);
    const { answer, record, line } = await recordOf({ path, body });
    expect([answer.status, record.tool_args, record.cut_strings]).toEqual([status, told, 1]);
    expect(Buffer.byteLength(line)).toBeLessThan(16_000);
    expect(backend.received.slice(before).map((got) => got.body.toString())).toEqual(status === 200 ? [body] : []);
  });

  it("stays within 16,000 bytes with as much as fits uncut", async () => {
    const parts = Array.from({ length: 40 }, (_none, at) => `"n${at}":"${String(at % 10).repeat(400)}"`);
    const { record, line } = await recordOf({ body: toolCall("t", `{${parts.join(",")}}`) });
    expect(Object.keys(record.tool_args as object)).toEqual(parts.map((_part, at) => `n${at}`));
    expect(record.cut_strings).toBeGreaterThan(0);
    expect(Buffer.byteLength(line)).toBeLessThan(16_000);
    expect(Buffer.byteLength(line)).toBeGreaterThan(13_000);
  });

  const numbers = `{"n":[${Array.from({ length: 10_000 }, (_none, at) => at).join(",")}]}`;
  it.each([
    { what: "refused as too large", path: "/mcp/eks-ro/mcp", status: 413, code: -31413, reason: "record_too_large" },
    {
      what: "refused for what it is",
      path: "/mcp/mpl-rw/mcp",
      status: 403,
      code: -31403,
      reason: "backend_not_granted",
    },
  ])("that no record can hold is $what, never forwarded, and told by size and hash", async (expected) => {
    const before = backend.received.length;
    const { answer, record } = await recordOf({ path: expected.path, body: toolCall("t", numbers) });
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
      expected.status,
      { id: 1, error: { code: expected.code, data: { request_id: record.request_id } } },
    ]);
    expect(record).toMatchObject({
      type: "mcp_refusal",
      decision: "deny",
      reason: expected.reason,
      tool_name: "t",
      tool_args: `[omitted: ${Buffer.byteLength(numbers)} bytes, sha256 ${sha256(numbers)}]`,
      jsonrpc_id: 1,
      cut_strings: 1,
    });
    expect(backend.received.length).toBe(before);
  });
});

describe("what is never written down", () => {
  it("are the values of names that are known for secrets, and of those that the operator named", async () => {
    const args = {
      user: "a",
      password: "hunter2",
      API_KEY: ["hunter2"],
      nested: { "case-number": { a: "hunter2" }, caseNumber: 2222 },
      authorization: "hunter2",
    };
    const { record, line } = await recordOf({ body: toolCall("t", JSON.stringify(args)) });
    expect(record.tool_args).toEqual({
      user: "a",
      password: "[redacted]",
      API_KEY: "[redacted]",
      nested: { "case-number": "[redacted]", caseNumber: "[redacted]" },
      authorization: "[redacted]",
    });
    expect([line.includes("hunter2"), line.includes("2222")]).toEqual([false, false]);
  });

  it("are tokens and keys, wherever a caller pastes them", async () => {
    const pasted = mintKey(randomBytes);
    const token = pasted.token.reveal();
    const key = Buffer.from(token, "base64").toString("latin1");
    const json = JSON.stringify({ [token]: key, list: [`Bearer ${token}`, `\u0000${key}`], part: token.slice(0, 40) });
    const escaped = `{"a":"\\u006dcpk${key.slice(4)}","b":"${token.replace("W", "\\u0057")}"}`;
    const asks: readonly Ask[] = [
      { body: toolCall("t", json) },
      { body: toolCall("t", escaped) },
      { body: toolCall(token) },
      { body: toolCall("t", "{}", JSON.stringify(key)) },
      { body: request(token, JSON.stringify({ uri: key, _meta: { traceparent: token } })) },
      { body: `{"jsonrpc":"2.0","id":"${key}","result":{"x":"${token}"}}` },
      { body: toolCall("t"), headers: callHeaders(token) },
      { body: toolCall("t"), headers: callHeaders(`${token}x`) },
      { body: toolCall("t"), path: `/mcp/eks-ro/${token}` },
      { body: toolCall("t"), path: `/mcp/${key}/mcp` },
      ...["mcp-protocol-version", "traceparent", "x-forwarded-for", "mcp-session-id", "origin", "host", "mcp-name"].map(
        (name) => ({ body: toolCall("t"), headers: withHeaders(name, token) }),
      ),
    ];
    for (const ask of asks) {
      const { line } = await recordOf(ask);
      for (const secret of [token, key, gateway.key.token.reveal()])
        for (const part of [secret.slice(0, 30), secret.slice(-30)]) expect(line).not.toContain(part);
    }
    const told = (await gateway.records()).slice(-asks.length);
    expect(told[0]?.tool_args).toEqual({
      [`[${pasted.id}]`]: `[${pasted.id}]`,
      list: [`Bearer [${pasted.id}]`, `\u0000[${pasted.id}]`],
      part: "[token]",
    });
    expect(told[1]?.tool_args).toEqual({ a: `[${pasted.id}]`, b: `[${pasted.id}]` });
    expect([told[2]?.tool_name, told[3]?.jsonrpc_id, told[4]?.method]).toEqual(
      Array.from({ length: 3 }, () => `[${pasted.id}]`),
    );
  });
});
