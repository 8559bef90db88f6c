import { isUtf8 } from "node:buffer";
import { memberSpan } from "../../lib/json/raw-json.ts";
import { parseJson } from "../../lib/json/parse-json.ts";
import { Refusal } from "../refusal.ts";

/** One JSON-RPC message as the backend will read it, and the text it was read from. */
export interface Message {
  readonly text: string;
  readonly kind: "request" | "notification" | "response";
  readonly id: string | number | null;
  readonly method: string | null;
  /** The tool of a `tools/call`, else null. */
  readonly tool: string | null;
  /** What the header Mcp-Name must repeat, for the methods that have it. */
  readonly mirroredName: string | null;
  /** The revision that the message itself claims (`_meta`, from 2026-07-28 on), else null. */
  readonly claimedVersion: string | null;
}

type Members = Readonly<Record<string, unknown>>;

const VERSION_KEY = "io.modelcontextprotocol/protocolVersion";

/** Member names that decide; another spelling of one is taken for it by parsers that ignore case. */
const MESSAGE_NAMES = new Set(["jsonrpc", "id", "method", "params", "result", "error"]);
const PARAM_NAMES = new Set(["name", "arguments", "uri", "taskid", "_meta"]);
const META_NAMES = new Set([VERSION_KEY.toLowerCase()]);
const EXACT_NAMES = new Set([...MESSAGE_NAMES, "name", "arguments", "uri", "taskId", "_meta", VERSION_KEY]);

/** Which member of `params` Mcp-Name repeats (revision 2026-07-28, Standard Request Headers; tasks extension). */
const NAME_SOURCES: Readonly<Record<string, string>> = {
  "tools/call": "name",
  "prompts/get": "name",
  "resources/read": "uri",
  "tasks/get": "taskId",
  "tasks/update": "taskId",
  "tasks/cancel": "taskId",
};

/** The one message in this body. Batches are refused: no client of today sends them, and they hid calls from gateways. @throws Refusal */
export function readMessage(body: Buffer): Message {
  if (!isUtf8(body)) throw new Refusal("body_malformed");
  const text = body.toString("utf8");
  const reading = parseJson(text);
  if (!reading.ok) throw new Refusal(reading.problem === "duplicate_name" ? "body_ambiguous" : "body_malformed");
  if (!isObject(reading.value)) throw new Refusal("not_json_rpc");
  const members = reading.value;
  refuseVariants(members, MESSAGE_NAMES);
  if (members["jsonrpc"] !== "2.0" || !isId(members)) throw new Refusal("not_json_rpc");
  return "method" in members ? readCall(text, members) : readResponse(text, members);
}

/** The id exactly as it was received: `12345678901234567890` must not come back as another number. */
export function rawId(message: Message): string {
  const span = message.kind === "request" ? memberSpan(message.text, 0, "id") : null;
  return span === null ? "null" : message.text.slice(span.start, span.end);
}

/** The arguments of a `tools/call` as received; null when there are none. */
export function rawArguments(message: Message): string | null {
  if (message.tool === null) return null;
  const params = memberSpan(message.text, 0, "params");
  const span = params === null ? null : memberSpan(message.text, params.start, "arguments");
  return span === null ? null : message.text.slice(span.start, span.end);
}

function readCall(text: string, members: Members): Message {
  const { method, params } = members;
  if (typeof method !== "string" || "result" in members || "error" in members) throw new Refusal("not_json_rpc");
  if (params !== undefined && !isObject(params)) throw new Refusal("not_json_rpc");
  if (params !== undefined) refuseVariants(params, PARAM_NAMES);
  const tool = method === "tools/call" ? params?.["name"] : null;
  if (tool !== null && typeof tool !== "string") throw new Refusal("not_json_rpc");
  const mirrored = params?.[NAME_SOURCES[method] ?? ""];
  return {
    text,
    kind: "id" in members ? "request" : "notification",
    id: (members["id"] as string | number | null | undefined) ?? null,
    method,
    tool,
    mirroredName: typeof mirrored === "string" ? mirrored : null,
    claimedVersion: claimedVersion(params),
  };
}

function readResponse(text: string, members: Members): Message {
  if (!("id" in members) || "result" in members === "error" in members || "params" in members)
    throw new Refusal("not_json_rpc");
  return { text, kind: "response", id: null, method: null, tool: null, mirroredName: null, claimedVersion: null };
}

function claimedVersion(params: Members | undefined): string | null {
  const meta = params?.["_meta"];
  if (!isObject(meta)) return null;
  refuseVariants(meta, META_NAMES);
  const version = meta[VERSION_KEY];
  if (version !== undefined && typeof version !== "string") throw new Refusal("not_json_rpc");
  return version ?? null;
}

function isId(members: Members): boolean {
  const id = members["id"];
  return id === undefined || id === null || typeof id === "string" || typeof id === "number";
}

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuseVariants(members: Members, names: ReadonlySet<string>): void {
  for (const name in members) {
    if (EXACT_NAMES.has(name)) continue;
    if (names.has(fold(name))) throw new Refusal("body_ambiguous");
  }
}

/** Simple case folding as other languages' parsers do it: the long s and the Kelvin sign are letters too. */
function fold(name: string): string {
  return name.toUpperCase().toLowerCase();
}
