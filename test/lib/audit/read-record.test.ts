import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { validate as isAuditRecord } from "../../../src/generated/audit.js";
import { RecordReader, type RecordReading } from "../../../src/lib/audit/read-record.ts";
import { CALL_MEMBERS } from "../../../src/lib/audit/recorded-call.ts";
import { seededNumbers } from "../../support/seeded.ts";
import { auditLine, auditMembers, lineOf } from "../../support/audit-lines.ts";
import { makeJsonText } from "./json-text.ts";

const reader = new RecordReader();
const read = (line: string): RecordReading => reader.read(line, 0, line.length);

const ROUNDS = 5_000;
const WANTED: ReadonlySet<string> = new Set(CALL_MEMBERS);

/** What the schema and `JSON.parse` make of a line, read slowly and at once; `names` are the members as they were written. */
function naive(line: string, names: readonly string[]): unknown {
  let value: Record<string, unknown>;
  if (line === "") return "blank";
  try {
    value = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return "unreadable";
  }
  const wanted = names.filter((name) => WANTED.has(name));
  if (new Set(wanted).size < wanted.length) return "unreadable";
  if (value["type"] !== "mcp_tool_call" && value["type"] !== "mcp_refusal") return "foreign";
  if (!isAuditRecord({ ...EXAMPLE, ...Object.fromEntries(CALL_MEMBERS.map((name) => [name, value[name]])) }))
    return "unreadable";
  return {
    phase: value["phase"],
    at: Date.parse(value["ts"] as string),
    requestId: value["request_id"],
    instance: value["instance"],
    seq: value["seq"],
    user: value["user"],
    role: value["role"],
    backend: value["backend"],
    method: value["method"],
    tool: value["tool_name"],
    isAltered: false,
    decision: value["decision"],
    reason: value["reason"],
    unsampled: value["unsampled"] ?? 0,
  };
}

const [EXAMPLE] = readFileSync("examples/audit.jsonl", "utf8")
  .split("\n", 1)
  .map((line) => JSON.parse(line) as object);

describe("a line of an audit log", () => {
  it("is read as JSON.parse and the schema read it, whatever order, spacing, values and damage it has", () => {
    const pick = seededNumbers(7);
    const seen = { call: 0, unreadable: 0, foreign: 0, blank: 0 };
    for (let round = 0; round < ROUNDS; round += 1) {
      const members = [...auditMembers(pick)];
      for (let change = pick(4); change > 1; change -= 1) {
        const at = pick(members.length);
        const [name = "", json = ""] = members[at] ?? [];
        const other = members[pick(members.length)] ?? ["", ""];
        [
          () => members.splice(at, 1),
          () => members.splice(at, 1, other),
          () => members.splice(at, 0, ["x", makeJsonText(pick)]),
          () => members.splice(at, 1, [name, makeJsonText(pick)]),
          () => members.splice(at, 1, [name, JSON.stringify(json)]),
          () => members.splice(at, 1, [name, ` ${json}\t`]),
          () => members.splice(at, 1, [`\\u${name.charCodeAt(0).toString(16).padStart(4, "0")}${name.slice(1)}`, json]),
        ][pick(7)]?.();
      }
      const whole = lineOf(members);
      const at = pick(whole.length);
      const damaged = [
        whole,
        whole.slice(0, at),
        whole.slice(0, at) + whole.slice(at + 1),
        `${whole.slice(0, at)}${["\\", '"', ",", "\u0000", "}", "0", "é"][pick(7)]}${whole.slice(at)}`,
      ][pick(8)];
      const names = members.map(([name]) => JSON.parse(`"${name}"`) as string);
      const line = damaged ?? whole;
      // Damage may make a second member of a name: rare, and then it is only to be read or refused, not to crash.
      const expected = line === whole ? naive(line, names) : naive(line, []);
      const got = read(line);
      if (line !== whole && got === "unreadable" && expected !== "unreadable") continue;
      expect([line, got]).toEqual([line, expected]);
      seen[typeof got === "string" ? got : "call"] += 1;
    }
    expect(seen).toEqual({
      call: expect.any(Number),
      unreadable: expect.any(Number),
      foreign: expect.any(Number),
      blank: 0,
    });
    expect(Math.min(seen.call, seen.unreadable, seen.foreign)).toBeGreaterThan(30);
  });

  const line = auditLine().trimEnd();
  const call = read(line);

  it("is a call", () => {
    expect(call).toEqual({
      phase: "final",
      at: Date.parse("2026-11-20T09:00:00.245Z"),
      requestId: "req_000000000000",
      instance: "gw-0a1b2c",
      seq: 1,
      user: "incident-agent-01",
      role: "dev-readonly",
      backend: "eks-ro",
      method: "tools/call",
      tool: "eks_get_pods",
      isAltered: false,
      decision: "allow",
      reason: "granted",
      unsampled: 0,
    });
  });

  it.each([
    ["logcli", JSON.stringify({ labels: { app: "gw" }, line, timestamp: "2026-11-20T09:00:00Z" })],
    ["Docker", JSON.stringify({ log: `${line}\n`, stream: "stdout", time: "2026-11-20T09:00:00Z" })],
    ["a kubelet", `2026-11-20T09:00:00.245000000Z stdout F ${line}`],
  ])("is read where %s wraps it", (_who, wrapped) => {
    expect(read(wrapped)).toEqual(call);
  });

  it.each([
    ["wrapped twice", JSON.stringify({ line: JSON.stringify({ line }) }), "foreign"],
    ["wrapped and broken", JSON.stringify({ line: line.slice(0, -1) }), "unreadable"],
    ["of another program", '{"level":"info","msg":"hello"}', "foreign"],
    ["of prose", "listening on 8080", "unreadable"],
    ["of an array", "[1]", "foreign"],
    ["of space", " \t\r", "blank"],
    ["of NUL", "\u0000".repeat(40), "unreadable"],
    ["of two records that were torn", line.slice(0, 200) + line.slice(300), "unreadable"],
    ["nested without end", `{"type":${"[".repeat(1_000_000)}`, "unreadable"],
    ["nested deeply", `{"type":"mcp_refusal","x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, "unreadable"],
    ["with something after it", `${line}x`, "unreadable"],
    ["with another one after it", line + line, "unreadable"],
    ["with a role twice", line.replace('"role":', '"role":"devops-full","role":'), "unreadable"],
    ["with a role twice, once escaped", line.replace('"role":', '"r\\u006fle":"devops-full","role":'), "unreadable"],
    ["with a type in its prototype", '{"__proto__":{"type":"mcp_tool_call"}}', "foreign"],
    ["with a role in its prototype", line.replace('"role":"dev-readonly"', '"__proto__":{"role":"x"}'), "unreadable"],
    ["with a number as text", line.replace('"seq":1', '"seq":"1"'), "unreadable"],
    ["with a time that is none", line.replace("2026-11-20", "2026-02-30"), "unreadable"],
    ["with a reason that is none", line.replace('"granted"', '"toString"'), "unreadable"],
  ])("%s is no call", (_what, text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  it("may hold a member twice that is not read", () => {
    expect(read(line.replace('"key_id":', '"key_id":null,"key_id":'))).toEqual(call);
  });

  it.each([
    ["cut", `[cut: 5000 bytes, sha256 ${"a".repeat(64)}] eks_get`, true],
    ["omitted", `[omitted: 5000 bytes, sha256 ${"a".repeat(64)}]`, true],
    ["a token", "get [k_9f86d081884c]", true],
    ["part of a token", "[token]", true],
    ["odd", "[cut] k_9f86d081884c", false],
  ])("tells that a name is %s", (_what, name, isAltered) => {
    for (const change of [{ tool_name: name }, { method: name }])
      expect(read(auditLine(change).trimEnd())).toEqual({
        ...(call as object),
        ...(change.tool_name === undefined ? { method: name } : { tool: name }),
        isAltered,
      });
  });
});
