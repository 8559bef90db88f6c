import type { Span } from "../json/raw-json.ts";
import { shortened } from "./cut.ts";
import { Draft } from "./draft.ts";
import type { RawJson } from "./format-record.ts";
import { copyLogged, loggedText, type LoggedText, type LogTarget } from "./logged-json.ts";
import { findParts, type AuditedMessage } from "./message-parts.ts";
import { redactLiteral, redactText } from "./redact.ts";
import type { RedactedNames } from "./redacted-names.ts";
import { TextDigest } from "./text-digest.ts";

/** What a record says of the message: JSON as it was received, without whitespace, without secrets, cut where it is long. */
export interface Payload {
  readonly method: string | null;
  readonly tool_name: string | null;
  readonly jsonrpc_id: RawJson | null;
  /** The arguments of a `tools/call`. */
  readonly tool_args: RawJson | null;
  /** Every other parameter but `_meta`; of a response, its result or error. */
  readonly params: RawJson | null;
  /** How many strings stand for something longer. */
  readonly cut_strings: number;
  readonly mrtr_retry: boolean;
}

export interface PayloadLimits {
  /** Of all its JSON together, in UTF-8; `null` counts too. */
  readonly maxBytes: number;
  readonly names: RedactedNames;
}

export const NO_PAYLOAD: Payload = {
  method: null,
  tool_name: null,
  jsonrpc_id: null,
  tool_args: null,
  params: null,
  cut_strings: 0,
  mrtr_retry: false,
};

/** A name or id of a summary is no longer, in characters. */
const SUMMARY_LENGTH = 128;

/** The payload in no more than `maxBytes`, its longest strings cut as far as they must be; null when that is not enough. */
export function fitPayload(message: AuditedMessage, { maxBytes, names }: PayloadLimits): Payload | null {
  const method = redacted(message.method);
  const tool_name = redacted(message.tool);
  const source = loggedText(message.text, names);
  const parts = findParts(message);
  const draft = new Draft(maxBytes - nameBytes(method) - nameBytes(tool_name));
  if (parts.id !== null) copyLogged(source, parts.id, draft);
  else draft.add("null");
  const argsAt = draft.position;
  if (parts.args !== null) copyLogged(source, parts.args, draft);
  else draft.add("null");
  const paramsAt = draft.position;
  copyMembers(source, parts.members, draft);
  const cut_strings = draft.fit();
  if (cut_strings === null) return null;
  return {
    method,
    tool_name,
    jsonrpc_id: parts.id === null ? null : { json: draft.text(0, argsAt) },
    tool_args: parts.args === null ? null : { json: draft.text(argsAt, paramsAt) },
    params: parts.members.length === 0 ? null : { json: draft.text(paramsAt, draft.position) },
    cut_strings,
    mrtr_retry: parts.isRetry,
  };
}

/** A payload that fits whatever was sent: arguments and parameters are only told by size and hash, long names are cut. */
export function summaryPayload(message: AuditedMessage, names: RedactedNames): Payload {
  const source = loggedText(message.text, names);
  const parts = findParts(message);
  let cut_strings = 0;
  const short = (value: string): string => {
    const result = shortened(value, SUMMARY_LENGTH);
    if (result !== value) cut_strings += 1;
    return result;
  };
  const omitted = (copy: (target: LogTarget) => void): RawJson => {
    const digest = new TextDigest();
    copy(digest);
    cut_strings += 1;
    return { json: `"${digest.omission()}"` };
  };
  const { args, members } = parts;
  return {
    method: message.method === null ? null : short(redactText(message.method)),
    tool_name: message.tool === null ? null : short(redactText(message.tool)),
    jsonrpc_id: parts.id === null ? null : shortId(message.text.slice(parts.id.start, parts.id.end), short),
    tool_args: args === null ? null : omitted((target) => copyLogged(source, args, target)),
    params: members.length === 0 ? null : omitted((target) => copyMembers(source, members, target)),
    cut_strings,
    mrtr_retry: parts.isRetry,
  };
}

function copyMembers(source: LoggedText, members: readonly Span[], target: LogTarget): void {
  members.forEach((run, index) => {
    target.add(index === 0 ? "{" : ",");
    copyLogged(source, run, target);
  });
  target.add(members.length === 0 ? "null" : "}");
}

/** A number of many digits is told as a string then. */
function shortId(literal: string, short: (value: string) => string): RawJson {
  const json = redactLiteral(literal);
  const value = json.startsWith('"') ? (JSON.parse(json) as string) : json;
  const result = short(value);
  return { json: result === value ? json : JSON.stringify(result) };
}

function redacted(name: string | null): string | null {
  return name === null ? null : redactText(name);
}

function nameBytes(name: string | null): number {
  return name === null ? 4 : Buffer.byteLength(JSON.stringify(name));
}
