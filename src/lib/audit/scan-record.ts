import { closingQuote } from "../json/closing-quote.ts";
import type { CallMembers } from "./recorded-call.ts";

const QUOTE = 0x22;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const NULL = "null";

/** Text without an escape, or a character that JSON wants escaped. */
const PLAIN = '[^"\\\\\\u0000-\\u001f]*';
const TEXT = `"${PLAIN}"`;
const WANTED = `"(${PLAIN})"`;
const NUMBER = "-?(?:0|[1-9]\\d*)(?:\\.\\d+)?";
const COUNT = "0|[1-9]\\d{0,14}";

/** What the gateway writes before a call's arguments, between them and its parameters, and after these (format-record.ts). */
const HEAD = new RegExp(
  `\\{"type":"(mcp_tool_call|mcp_refusal)","phase":"(start|final)","ts":${WANTED},"request_id":${WANTED},` +
    `"instance":${WANTED},"seq":(${COUNT}),"client_ip":(?:null|${TEXT}),"key_id":(?:null|${TEXT}),` +
    `"user":(?:null|${WANTED}),"role":(?:null|${WANTED}),"backend":(?:null|${WANTED}),"method":(?:null|${WANTED}),` +
    `"jsonrpc_id":(?:null|${NUMBER}|${TEXT}),"protocol_version":(?:null|${TEXT}),"mcp_session":(?:null|${TEXT}),` +
    `"trace_id":(?:null|${TEXT}),"span_id":(?:null|${TEXT}),"tool_name":(?:null|${WANTED}),"tool_args":`,
  "y",
);
const BETWEEN = ',"params":';
const TAIL = new RegExp(
  `,"cut_strings":(?:${COUNT}),"mrtr_retry":(?:true|false),"policy":(?:null|${TEXT}),"decision":${WANTED},` +
    `"reason":${WANTED},"http_status":(?:null|${NUMBER}),"rpc_error_code":(?:null|${NUMBER}),` +
    `"is_error":(?:null|true|false),"bytes_in":(?:${NUMBER}),"bytes_out":(?:${NUMBER}),"unsampled":(${COUNT}),` +
    `"duration_ms":(?:null|${NUMBER})\\}`,
  "y",
);

/**
 * Reads a record just as the gateway writes it, every member in its place, no escapes but within arguments and parameters.
 * Null for every other text, JSON or not: that is for `JSON.parse` to judge. What it does read, it reads as `JSON.parse` does.
 */
export function scanRecord(text: string, start: number, end: number): CallMembers | null {
  const head = matchAt(HEAD, text, start);
  if (head === null) return null;
  const argsEnd = endOfPayload(text, HEAD.lastIndex, end);
  if (argsEnd < 0 || !text.startsWith(BETWEEN, argsEnd)) return null;
  const paramsEnd = endOfPayload(text, argsEnd + BETWEEN.length, end);
  const tail = paramsEnd < 0 ? null : matchAt(TAIL, text, paramsEnd);
  if (tail === null || TAIL.lastIndex !== end) return null;
  return {
    type: head[1],
    phase: head[2],
    ts: head[3],
    request_id: head[4],
    instance: head[5],
    seq: Number(head[6]),
    user: head[7] ?? null,
    role: head[8] ?? null,
    backend: head[9] ?? null,
    method: head[10] ?? null,
    tool_name: head[11] ?? null,
    decision: tail[1],
    reason: tail[2],
    unsampled: Number(tail[3]),
  };
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** The offset after arguments or parameters: null, a text without an escape, or an object or array, which `JSON.parse` judges. */
function endOfPayload(text: string, start: number, end: number): number {
  if (text.startsWith(NULL, start)) return start + NULL.length;
  let depth = 0;
  for (let at = start; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = closingQuote(text, at);
      if (at < 0) return -1;
    } else if (code === OPENING_BRACE || code === OPENING_BRACKET) depth += 1;
    else if (code === CLOSING_BRACE || code === CLOSING_BRACKET) depth -= 1;
    if (depth === 0) return at < end && isJson(text.slice(start, at + 1)) ? at + 1 : -1;
  }
  return -1;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
