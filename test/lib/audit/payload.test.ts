import { createHash, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { AuditedMessage } from "../../../src/lib/audit/message-parts.ts";
import { fitPayload, NO_PAYLOAD, summaryPayload, type Payload } from "../../../src/lib/audit/payload.ts";
import { DEFAULT_REDACTED_NAMES, RedactedNames } from "../../../src/lib/audit/redacted-names.ts";
import { mintKey } from "../../../src/lib/keys/key.ts";

const names = new RedactedNames(DEFAULT_REDACTED_NAMES);
const minted = mintKey(randomBytes);
const token = minted.token.reveal();
const bracketed = `[${minted.id}]`;

const call = (text: string, tool = "t"): AuditedMessage => ({ text, kind: "request", method: "tools/call", tool });
const other = (text: string, method = "x/y"): AuditedMessage => ({ text, kind: "request", method, tool: null });
const answer = (text: string): AuditedMessage => ({ text, kind: "response", method: null, tool: null });
const args = (json: string): AuditedMessage => call(`{"params":{"name":"t","arguments":${json}}}`);
const fit = (message: AuditedMessage, maxBytes = 12_000): Payload | null => fitPayload(message, { maxBytes, names });
const raw = (json: string): { json: string } => ({ json });
const ofCall: Payload = { ...NO_PAYLOAD, method: "tools/call", tool_name: "t" };
const ofOther: Payload = { ...NO_PAYLOAD, method: "x/y" };

describe("a payload", () => {
  const cases: readonly (readonly [string, AuditedMessage, Payload])[] = [
    ["nothing but a method", other('{"jsonrpc":"2.0","method":"x/y"}'), ofOther],
    [
      "a tool call",
      call('{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t","arguments":{"a":1}}}'),
      { ...ofCall, jsonrpc_id: raw("7"), tool_args: raw('{"a":1}') },
    ],
    ["a tool call without arguments", call('{"id":"7","params":{"name":"t"}}'), { ...ofCall, jsonrpc_id: raw('"7"') }],
    [
      "other members of a tool call, in their order",
      call('{"params":{"x":1,"name":"t","y":[2],"z":{},"arguments":{},"_meta":{"k":1},"last":null},"id":null}'),
      { ...ofCall, jsonrpc_id: raw("null"), tool_args: raw("{}"), params: raw('{"x":1,"y":[2],"z":{},"last":null}') },
    ],
    [
      "names that only decoding shows",
      call(String.raw`{"\u0069d":1,"p\u0061rams":{"\u006eame":"t","argument\u0073":[1],"_m\u0065ta":1,"\u0078":2}}`),
      { ...ofCall, jsonrpc_id: raw("1"), tool_args: raw("[1]"), params: raw(String.raw`{"\u0078":2}`) },
    ],
    [
      "a name and arguments that are no tool call's",
      other('{"params":{"name":"p","arguments":{"a":"b"},"_meta":{}}}'),
      { ...ofOther, params: raw('{"name":"p","arguments":{"a":"b"}}') },
    ],
    ["only _meta", other('{"params":{"_meta":{"a":1}}}'), ofOther],
    ["no members", other('{"params":{ }}'), ofOther],
    [
      "what a client answered",
      answer('{"jsonrpc":"2.0","id":3,"result":{"action":"accept", "content":[1.0]}}'),
      { ...NO_PAYLOAD, jsonrpc_id: raw("3"), params: raw('{"result":{"action":"accept","content":[1.0]}}') },
    ],
    [
      "an error that a client answered",
      answer('{"error":{"code":-1,"message":"no"},"id":"x"}'),
      { ...NO_PAYLOAD, jsonrpc_id: raw('"x"'), params: raw('{"error":{"code":-1,"message":"no"}}') },
    ],
    [
      "numbers as they came",
      call('{"id":12345678901234567890,"params":{"name":"t","arguments":[1.0,-0,1E400,0.10]}}'),
      { ...ofCall, jsonrpc_id: raw("12345678901234567890"), tool_args: raw("[1.0,-0,1E400,0.10]") },
    ],
    [
      "white space only within strings",
      call(
        ' {\n"id" : 1 ,\t"params" : { "name":"t" , "arguments" : { "a b" : [ " c " , 1 ] }\r\n, "x" : 2 , "y":3 } } ',
      ),
      { ...ofCall, jsonrpc_id: raw("1"), tool_args: raw('{"a b":[" c ",1]}'), params: raw('{"x":2,"y":3}') },
    ],
    [
      "a repeated call with answers",
      call('{"params":{"name":"t","arguments":{},"inputResponses":{"q":1}}}'),
      { ...ofCall, tool_args: raw("{}"), params: raw('{"inputResponses":{"q":1}}'), mrtr_retry: true },
    ],
    [
      "a repeated call with state",
      other('{"params":{"requestState":"s"}}'),
      { ...ofOther, params: raw('{"requestState":"s"}'), mrtr_retry: true },
    ],
    [
      "state that is only an argument's",
      args('{"requestState":1}'),
      { ...ofCall, tool_args: raw('{"requestState":1}') },
    ],
  ];

  it.each(cases)("says of %s what it should", (_what, message, payload) => {
    expect(fit(message)).toEqual(payload);
  });
});

describe("redaction", () => {
  it.each([
    ["a string", '{"password":"p","user":"u"}', '{"password":"[redacted]","user":"u"}'],
    ["any value", '{"a":[{"API_KEY" : {"b":[1,"]}"]} , "c":1}]}', '{"a":[{"API_KEY":"[redacted]","c":1}]}'],
    ["null and numbers", '{"passwd":null,"apiKey":1.50}', '{"passwd":"[redacted]","apiKey":"[redacted]"}'],
    ["an escaped name", String.raw`{"p\u0061ssword":"p"}`, String.raw`{"p\u0061ssword":"[redacted]"}`],
    ["the name as a value", '["password","password"]', '["password","password"]'],
    ["a token", `{"a":["x ${token}"]}`, `{"a":["x ${bracketed}"]}`],
    ["a token in a name", `{"${token}":1}`, `{"${bracketed}":1}`],
    ["a token behind an escape", `["\\u0062${token.slice(1)}"]`, `["${bracketed}"]`],
    ["a short string beside a token", `["${token}","a","\\u0061"]`, `["${bracketed}","a","\\u0061"]`],
  ])("hides %s", (_what, json, logged) => {
    expect(fit(args(json))).toEqual({ ...ofCall, tool_args: raw(logged) });
  });

  it("sees the names of parameters and of results", () => {
    expect(fit(other('{"params":{"x":1,"password":"p"}}'))?.params).toEqual(raw('{"x":1,"password":"[redacted]"}'));
    expect(fit(answer('{"id":1,"result":{"password":"p"}}'))?.params).toEqual(
      raw('{"result":{"password":"[redacted]"}}'),
    );
  });

  it("hides a token in a method, a tool's name and an id", () => {
    const message = { ...call(`{"id":"${token}","params":{"name":"${token}"}}`, token), method: token };
    const hidden = { method: bracketed, tool_name: bracketed, jsonrpc_id: raw(`"${bracketed}"`) };
    expect(fit(message)).toMatchObject(hidden);
    expect(summaryPayload(message, names)).toMatchObject(hidden);
  });
});

describe("a summary", () => {
  const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
  const omitted = (json: string): { json: string } =>
    raw(`"[omitted: ${Buffer.byteLength(json)} bytes, sha256 ${sha256(json)}]"`);

  it("tells of arguments and parameters only their size and hash, as they would have been logged", () => {
    const message = call(
      `{"id":1,"params":{"name":"t","arguments":[ "ä", "${token}" ],"a" : 1,"_meta":1,"password":"p"}}`,
    );
    expect(summaryPayload(message, names)).toEqual({
      ...ofCall,
      jsonrpc_id: raw("1"),
      tool_args: omitted(`["ä","${bracketed}"]`),
      params: omitted('{"a":1,"password":"[redacted]"}'),
      cut_strings: 2,
    });
  });

  it("hashes megabytes in pieces", () => {
    const item = `"${"ä".repeat(99)}"`;
    const json = `[${`${item},`.repeat(20_000)}1]`;
    expect(summaryPayload(args(json.replaceAll(",", " , ")), names).tool_args).toEqual(omitted(json));
  });

  it("keeps names and ids of 128 characters, and cuts longer ones", () => {
    const kept = "k".repeat(128);
    const long = "é".repeat(129);
    const cut = `[cut: 258 bytes, sha256 ${sha256(long)}] ${"é".repeat(38)}`;
    const of = (text: string): Payload => summaryPayload({ ...call(`{"id":"${text}"}`, text), method: text }, names);
    expect(cut).toHaveLength(128);
    expect(of(kept)).toEqual({ ...ofCall, method: kept, tool_name: kept, jsonrpc_id: raw(`"${kept}"`) });
    expect(of(long)).toEqual({ ...ofCall, method: cut, tool_name: cut, jsonrpc_id: raw(`"${cut}"`), cut_strings: 3 });
  });

  it("cuts a number of many digits like a string", () => {
    const digits = "1".repeat(1000);
    const cut = `[cut: 1000 bytes, sha256 ${sha256(digits)}] ${"1".repeat(37)}`;
    const payload = summaryPayload(other(`{"id":${digits}}`), names);
    expect(payload).toEqual({ ...ofOther, jsonrpc_id: raw(`"${cut}"`), cut_strings: 1 });
  });

  it("of nothing is nothing", () => {
    expect(summaryPayload(other('{"method":"x/y"}'), names)).toEqual(ofOther);
  });
});
