import { isUtf8 } from "node:buffer";
import { isJsonObject, type JsonObject } from "../../lib/json/members.ts";
import { memberSpan, type Span } from "../../lib/json/raw-json.ts";
import { MAX_RECORD_BYTES } from "../../lib/audit/format-record.ts";
import { isStructureWithin } from "../../lib/json/structure.ts";
import { parseJson } from "../../lib/json/parse-json.ts";
import { foldCase } from "./fold-case.ts";
import { Refusal } from "../refusal.ts";

/** One JSON-RPC message as the backend will read it. */
export interface Message {
  readonly kind: "request" | "notification" | "response";
  readonly id: string | number | null;
  /** The id of a request exactly as it was received: `12345678901234567890` must not come back as another number. */
  readonly idText: string;
  readonly method: string | null;
  /** The tool of a `tools/call`, else null. */
  readonly tool: string | null;
  /** What the header Mcp-Name must repeat, for the methods that have it. */
  readonly mirroredName: string | null;
  /** The revision that the message itself claims (`_meta`, from 2026-07-28 on), else null. */
  readonly claimedVersion: string | null;
  /** The W3C trace context that it came with, unread (`_meta.traceparent`, SEP-414). */
  readonly traceparent: string | null;
}

const VERSION_KEY = "io.modelcontextprotocol/protocolVersion";

/** Member names that decide; another spelling of one is taken for it by parsers that ignore case. */
const MESSAGE_NAMES = new Set(["jsonrpc", "id", "method", "params", "result", "error"]);
const PARAM_NAMES = new Set(["name", "arguments", "uri", "taskid", "_meta"]);
const META_NAMES = new Set([VERSION_KEY.toLowerCase()]);
const EXACT_NAMES = new Set([...MESSAGE_NAMES, "name", "arguments", "uri", "taskId", "_meta", VERSION_KEY]);

const LONGEST_NAME = Math.max(...[...EXACT_NAMES].map(({ length }) => length));

/** Which member of `params` Mcp-Name repeats (revision 2026-07-28, Standard Request Headers; tasks extension). */
const NAME_SOURCES: Readonly<Record<string, string>> = {
  "tools/call": "name",
  "prompts/get": "name",
  "resources/read": "uri",
  "tasks/get": "taskId",
  "tasks/update": "taskId",
  "tasks/cancel": "taskId",
};

/** Longer ones are no client's, and would have to be kept for the answer and the record. */
const MAX_ID_LENGTH = 256;
const NO_ID = "null";

/** The text of a body, if it is text at all. @throws Refusal */
export function readText(body: Buffer): string {
  if (!isUtf8(body)) throw new Refusal("body_malformed");
  return body.toString("utf8");
}

/** The one message in this text. Batches are refused: no client of today sends them, and they hid calls from gateways. @throws Refusal */
export function readMessage(text: string, maxDepth: number): Message {
  // Names and numbers are never cut in a record, so no record could hold so many of them; and they are what costs time.
  if (text.length > MAX_RECORD_BYTES && !isStructureWithin(text, MAX_RECORD_BYTES))
    throw new Refusal("record_too_large");
  const reading = parseJson(text, maxDepth);
  if (!reading.ok) throw new Refusal(reading.problem === "duplicate_name" ? "body_ambiguous" : "body_malformed");
  if (!isJsonObject(reading.value)) throw new Refusal("not_json_rpc");
  const members = reading.value;
  refuseVariants(members, MESSAGE_NAMES);
  if (members["jsonrpc"] !== "2.0" || !isId(members)) throw new Refusal("not_json_rpc");
  return "method" in members ? readCall(text, members) : readResponse(members);
}

function readCall(text: string, members: JsonObject): Message {
  const { method, params } = members;
  if (typeof method !== "string" || "result" in members || "error" in members) throw new Refusal("not_json_rpc");
  if (params !== undefined && !isJsonObject(params)) throw new Refusal("not_json_rpc");
  if (params !== undefined) refuseVariants(params, PARAM_NAMES);
  const tool = method === "tools/call" ? toolOf(params) : null;
  const mirrored = params?.[NAME_SOURCES[method] ?? ""];
  const meta = metaOf(params);
  return {
    kind: "id" in members ? "request" : "notification",
    id: (members["id"] as string | number | null | undefined) ?? null,
    idText: "id" in members ? idText(text) : NO_ID,
    method,
    tool,
    mirroredName: typeof mirrored === "string" ? mirrored : null,
    claimedVersion: claimedVersion(meta),
    traceparent: typeof meta?.["traceparent"] === "string" ? meta["traceparent"] : null,
  };
}

function readResponse(members: JsonObject): Message {
  if (!("id" in members) || "result" in members === "error" in members || "params" in members)
    throw new Refusal("not_json_rpc");
  return RESPONSE;
}

/** The tool that is called; its arguments, where there are any, are an object (MCP schema, CallToolRequest). */
function toolOf(params: JsonObject | undefined): string {
  const { name, arguments: given = {} } = params ?? {};
  if (typeof name !== "string" || !isJsonObject(given)) throw new Refusal("not_json_rpc");
  return name;
}

const RESPONSE: Message = {
  kind: "response",
  id: null,
  idText: NO_ID,
  method: null,
  tool: null,
  mirroredName: null,
  claimedVersion: null,
  traceparent: null,
};

function idText(text: string): string {
  const { start, end } = memberSpan(text, 0, "id") as Span;
  if (end - start > MAX_ID_LENGTH) throw new Refusal("not_json_rpc");
  return text.slice(start, end);
}

function metaOf(params: JsonObject | undefined): JsonObject | null {
  const meta = params?.["_meta"];
  if (!isJsonObject(meta)) return null;
  refuseVariants(meta, META_NAMES);
  return meta;
}

function claimedVersion(meta: JsonObject | null): string | null {
  const version = meta?.[VERSION_KEY];
  if (version !== undefined && typeof version !== "string") throw new Refusal("not_json_rpc");
  return version ?? null;
}

function isId(members: JsonObject): boolean {
  const id = members["id"];
  return id === undefined || id === null || typeof id === "string" || typeof id === "number";
}

function refuseVariants(members: JsonObject, names: ReadonlySet<string>): void {
  for (const name in members) {
    if (EXACT_NAMES.has(name)) continue;
    if (name.length <= LONGEST_NAME && names.has(foldCase(name))) throw new Refusal("body_ambiguous");
  }
}
