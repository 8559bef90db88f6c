import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { validate as isAuditRecord } from "../../../src/generated/audit.js";
import {
  FIXED_RECORD_BYTES,
  formatRecord,
  MAX_RECORD_BYTES,
  type AuditEntry,
} from "../../../src/lib/audit/format-record.ts";
import type { AuditedMessage } from "../../../src/lib/audit/message-parts.ts";
import { fitPayload, NO_PAYLOAD, summaryPayload, type Payload } from "../../../src/lib/audit/payload.ts";
import { REASON_NAMES } from "../../../src/lib/audit/reasons.ts";
import type { AuditRecord } from "../../../src/lib/audit/record.ts";
import { DEFAULT_REDACTED_NAMES, RedactedNames } from "../../../src/lib/audit/redacted-names.ts";
import { seededNumbers } from "../../support/seeded.ts";
import { makeJsonText } from "./json-text.ts";

const LINES = readFileSync("examples/audit.jsonl", "utf8")
  .split("\n")
  .filter((line) => line !== "");

const names = new RedactedNames(DEFAULT_REDACTED_NAMES);
const bytes = (text: string): number => Buffer.byteLength(text);

/** Everything that is not the message's, as long as it can be: JSON writes a control character in six bytes. */
const LONGEST: AuditEntry = {
  type: "mcp_tool_call",
  phase: "start",
  ts: "2026-11-20T09:00:00.245Z",
  request_id: `req_${"r".repeat(64)}`,
  instance: "\u0001".repeat(253),
  seq: Number.MAX_SAFE_INTEGER,
  client_ip: "\u0001".repeat(64),
  key_id: "k_9f86d081884c",
  user: "u".repeat(63),
  role: "r".repeat(63),
  backend: "b".repeat(63),
  protocol_version: "\u0001".repeat(32),
  mcp_session: "s_9f86d081884c",
  trace_id: "a".repeat(32),
  span_id: "b".repeat(16),
  policy: "c".repeat(16),
  decision: "unknown",
  reason: REASON_NAMES.reduce((one, other) => (other.length > one.length ? other : one)),
  http_status: 599,
  rpc_error_code: -Number.MAX_VALUE,
  is_error: false,
  bytes_in: Number.MAX_SAFE_INTEGER,
  bytes_out: Number.MAX_SAFE_INTEGER,
  unsampled: Number.MAX_SAFE_INTEGER,
  duration_ms: Number.MAX_VALUE,
  ...NO_PAYLOAD,
  cut_strings: Number.MAX_SAFE_INTEGER,
};
const NULLS = 5 * "null".length;

describe("formatRecord", () => {
  it("writes every field, in this order, on one line", () => {
    const entry: AuditEntry = {
      ...(JSON.parse(LINES[0] as string) as AuditRecord),
      client_ip: "10.0.0.1",
      jsonrpc_id: { json: "12345678901234567890" },
      protocol_version: "2026-07-28",
      mcp_session: "s_0123456789ab",
      trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
      span_id: "00f067aa0ba902b7",
      method: 'a"\n',
      tool_name: "\u2028",
      tool_args: { json: "1.0" },
      params: { json: '{"a":1e400}' },
      cut_strings: 2,
      mrtr_retry: true,
      policy: "0123456789abcdef",
      bytes_in: 3,
      bytes_out: 4,
      unsampled: 5,
    };
    const line =
      '{"type":"mcp_tool_call","phase":"final","ts":"2026-11-20T09:00:00.245Z","request_id":"req_9pXkq2","instance":"gw-0",' +
      '"seq":41,"client_ip":"10.0.0.1","key_id":"k_9f86d081884c","user":"incident-agent-01","role":"dev-readonly",' +
      '"backend":"eks-ro","method":"a\\"\\n","jsonrpc_id":12345678901234567890,"protocol_version":"2026-07-28",' +
      '"mcp_session":"s_0123456789ab","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7",' +
      '"tool_name":"\u2028","tool_args":1.0,"params":{"a":1e400},"cut_strings":2,"mrtr_retry":true,' +
      '"policy":"0123456789abcdef","decision":"allow","reason":"granted","http_status":200,"rpc_error_code":null,' +
      '"is_error":false,"bytes_in":3,"bytes_out":4,"unsampled":5,"duration_ms":245}\n';
    expect(formatRecord(entry)).toBe(line);
    expect([isAuditRecord(JSON.parse(line)), isAuditRecord.errors]).toEqual([true, null]);
  });

  it("writes null for what is not known, which is valid too", () => {
    const nothing = { key_id: null, user: null, role: null, backend: null, client_ip: null, protocol_version: null };
    const unknown = {
      mcp_session: null,
      trace_id: null,
      span_id: null,
      policy: null,
      http_status: null,
      is_error: null,
    };
    const record = JSON.parse(formatRecord({ ...LONGEST, ...nothing, ...unknown, rpc_error_code: null })) as object;
    expect([isAuditRecord(record), isAuditRecord.errors]).toEqual([true, null]);
    expect(record).toMatchObject({ ...nothing, ...unknown, jsonrpc_id: null, tool_args: null, params: null });
  });

  it("takes no more for all but the payload than it says, and not much less", () => {
    const line = formatRecord(LONGEST);
    expect([isAuditRecord(JSON.parse(line)), isAuditRecord.errors]).toEqual([true, null]);
    expect(bytes(line) - NULLS).toBeLessThanOrEqual(FIXED_RECORD_BYTES);
    expect(bytes(line) - NULLS).toBeGreaterThan(FIXED_RECORD_BYTES - 100);
  });

  it.each([
    "instance",
    "client_ip",
    "protocol_version",
    "seq",
    "bytes_in",
    "cut_strings",
    "policy",
    "span_id",
  ] as const)("has no longer %s in a valid record", (field) => {
    const record = JSON.parse(formatRecord(LONGEST)) as Record<string, unknown>;
    const value = record[field];
    const longer = typeof value === "string" ? `${value}${value.at(-1)}` : -1;
    expect(isAuditRecord({ ...record, [field]: longer })).toBe(false);
  });
});

describe("a record of any call", () => {
  const limits = { maxBytes: MAX_RECORD_BYTES - FIXED_RECORD_BYTES, names };
  const entryOf = (payload: Payload): AuditEntry => ({ ...LONGEST, ...payload });

  it("is one line of JSON of no more than 16,000 bytes", () => {
    const pick = seededNumbers(20_261_122);
    const written = { fit: 0, cut: 0, summary: 0 };
    for (let round = 0; round < 100; round += 1) {
      const text = makeMessage(pick);
      const message: AuditedMessage = { text, kind: "request", method: "tools/call", tool: "t".repeat(pick(400)) };
      const fitted = fitPayload(message, limits);
      const line = formatRecord(entryOf(fitted ?? summaryPayload(message, names)));
      expect(bytes(line)).toBeLessThanOrEqual(MAX_RECORD_BYTES);
      expect(line.indexOf("\n")).toBe(line.length - 1);
      expect([isAuditRecord(JSON.parse(line)), isAuditRecord.errors]).toEqual([true, null]);
      written[fitted === null ? "summary" : fitted.cut_strings > 0 ? "cut" : "fit"] += 1;
    }
    expect(Math.min(...Object.values(written))).toBeGreaterThan(5);
  });

  it("fits to the byte where the payload does", () => {
    const message = (length: number): AuditedMessage => {
      const text = `{"params":{"name":"t","arguments":[${"1".repeat(length)}]}}`;
      return { text, kind: "request", method: "tools/call", tool: "t" };
    };
    const room = limits.maxBytes - bytes('"tools/call""t"nullnull[]');
    const line = formatRecord(entryOf(fitPayload(message(room), limits) as Payload));
    expect(bytes(line)).toBeLessThanOrEqual(MAX_RECORD_BYTES);
    expect(bytes(line)).toBeGreaterThan(MAX_RECORD_BYTES - 100);
    expect(fitPayload(message(room + 1), limits)).toBeNull();
  });

  it("fits as a summary though every name is as bad as can be", () => {
    const name = "\u0001".repeat(1_000_000);
    const text = `{"id":${JSON.stringify(name)},"params":{"arguments":1,"x":2}}`;
    const message: AuditedMessage = { text, kind: "request", method: "tools/call", tool: name };
    const line = formatRecord(entryOf(summaryPayload({ ...message, method: name }, names)));
    expect(bytes(line)).toBeLessThan(FIXED_RECORD_BYTES + 2000);
    expect(isAuditRecord(JSON.parse(line))).toBe(true);
  });
});

describe("the schema", () => {
  it.each(LINES)("takes a record of an older log: %s", (line) => {
    const { client_ip: _ip, params: _params, policy: _policy, ...older } = JSON.parse(line) as Partial<AuditRecord>;
    expect([isAuditRecord(older), isAuditRecord.errors]).toEqual([true, null]);
  });

  it("knows exactly the fields that are written, in their order", () => {
    const schema = JSON.parse(readFileSync("schemas/audit.schema.json", "utf8")) as { properties: object };
    expect(Object.keys(schema.properties)).toEqual(Object.keys(JSON.parse(formatRecord(LONGEST)) as object));
  });

  it("knows exactly the published reasons", () => {
    const schema = JSON.parse(readFileSync("schemas/audit.schema.json", "utf8")) as {
      properties: { reason: { enum: string[] } };
    };
    expect(schema.properties.reason.enum).toEqual(REASON_NAMES);
  });
});

/** A message whose record fits, fits when it is cut, or never. */
function makeMessage(pick: (below: number) => number): string {
  const values = Array.from({ length: 1 + pick(30) }, () => makeJsonText(pick));
  const [args, params] = [values.slice(1), values.slice(0, 1)];
  return `{"id":${pick(2) === 0 ? "1.50" : `"${"i".repeat(pick(300))}"`},"params":{"x":${params.join()},"name":"t","arguments":[${args.join()}]}}`;
}
