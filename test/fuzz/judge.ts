import { GRANTS, type BackendName, type Role } from "./world.ts";
import { readStrictJson, type Json } from "./strict-json.ts";
import { valuesOf, type StrictRequest } from "./strict-request.ts";

/** What a request that reached the backend is, once nothing was wrong with it. */
export interface Judged {
  readonly backend: BackendName;
  readonly user: string;
  readonly role: Role;
  /** The method of its message; null for none. */
  readonly method: string | null;
  /** The id as it was written; null for a notification, a response, and where there is no message. */
  readonly rawId: string | null;
}

/** Headers that must never get past the gateway. */
const FORBIDDEN =
  /^(?:authorization|proxy-authorization|cookie|te|trailer|upgrade|expect|forwarded|x-real-ip|x-forwarded-.*|.*_.*)$/;
/** Simple case folding, which the flags `iu` do. */
const MESSAGE_NAMES = /^(?:jsonrpc|id|method|params|result|error)$/iu;
const PARAM_NAMES = /^(?:name|arguments|uri|taskId|_meta)$/iu;
const EXACT = /^(?:jsonrpc|id|method|params|result|error|name|arguments|uri|taskId|_meta)$/;
const LIFECYCLE = /^(?:initialize|ping|server\/discover|tools\/list|notifications\/[^]*)$/;

/** May this have reached the backend at all? `users` says which role each user has. @throws Error when it may not */
export function judge(request: StrictRequest, host: string, users: ReadonlyMap<string, Role>): Judged {
  const { method, target, headers, body } = request;
  const backend = (["alpha", "beta", "gamma"] as const).find((name) => target === `/${name}/mcp`);
  if (backend === undefined) throw new Error(`the path ${target}`);
  const bad = headers.find(([name]) => FORBIDDEN.test(name));
  if (bad !== undefined) throw new Error(`the header ${bad.join(": ")}`);
  const user = only(headers, "x-mcpctl-user");
  const role = only(headers, "x-mcpctl-role") as Role;
  if (users.get(user) !== role) throw new Error(`${user} is not ${role}`);
  if (headers.some(([name]) => name.startsWith("x-mcpctl-") && !/-(?:user|role)$/.test(name)))
    throw new Error("x-mcpctl-*");
  if (!/^req_[\w-]{16}$/.test(only(headers, "x-request-id"))) throw new Error("no request id of the gateway");
  if (only(headers, "host") !== host) throw new Error("another host");
  const grant = GRANTS[role][backend];
  if (grant === undefined) throw new Error(`${role} may not use ${backend}`);
  if (method !== "POST") {
    if ((method !== "GET" && method !== "DELETE") || body.length > 0)
      throw new Error(`the method ${method}, or its body`);
    if (method === "GET" && valuesOf(headers, "mcp-session-id").length !== 1) throw new Error("GET without a session");
    return { backend, user, role, method: null, rawId: null };
  }
  const message = readMessage(readStrictJson(body));
  if (grant.tools !== null && !isAllowed(message, grant.tools))
    throw new Error(`${role} may not call this of ${backend}`);
  const mirrored = valuesOf(headers, "mcp-method");
  if (mirrored.some((value) => value !== message.method)) throw new Error("Mcp-Method names another method");
  return { backend, user, role, method: message.method, rawId: message.rawId };
}

interface Message {
  readonly method: string | null;
  readonly tool: string | null;
  readonly rawId: string | null;
}

/** The one JSON-RPC message in a body. @throws Error when it is none, or more than one reading */
function readMessage(json: Json): Message {
  if (json.kind !== "object") throw new Error("no object");
  refuseVariants(json, MESSAGE_NAMES);
  const get = (name: string): Json | undefined => json.members.get(name);
  if (text(get("jsonrpc")) !== "2.0") throw new Error("no JSON-RPC 2.0");
  const method = text(get("method"));
  const params = get("params");
  if (get("method") === undefined) {
    if ((get("result") === undefined) === (get("error") === undefined)) throw new Error("neither request nor response");
    return { method: null, tool: null, rawId: null };
  }
  if (method === null) throw new Error("a method that is no string");
  if (params !== undefined && params.kind !== "object") throw new Error("parameters that are no object");
  if (params !== undefined) refuseVariants(params, PARAM_NAMES);
  const tool = method === "tools/call" ? text(params?.members.get("name")) : null;
  if (method === "tools/call" && tool === null) throw new Error("a call of no tool");
  return { method, tool, rawId: rawIdOf(get("id")) };
}

function rawIdOf(id: Json | undefined): string | null {
  if (id === undefined) return null;
  if (id.kind === "string" || (id.kind === "plain" && !/^[tf]/.test(id.raw))) return id.raw;
  throw new Error("an id that is none");
}

function isAllowed({ method, tool }: Message, tools: ReadonlySet<string>): boolean {
  return method === null || LIFECYCLE.test(method) || (tool !== null && isShown(tool, tools));
}

/** Names that only the run's own mutations make are allowed by the pattern `eks_get_*`, but for `eks_get_secret*`. */
function isShown(tool: string, tools: ReadonlySet<string>): boolean {
  return tools.has(tool) || (tool.startsWith("eks_get_") && !tool.startsWith("eks_get_secret"));
}

function refuseVariants({ members }: Json & { readonly kind: "object" }, names: RegExp): void {
  for (const name of members.keys()) if (names.test(name) && !EXACT.test(name)) throw new Error(`the name ${name}`);
}

function text(json: Json | undefined): string | null {
  return json?.kind === "string" ? json.value : null;
}

function only(headers: StrictRequest["headers"], name: string): string {
  const values = valuesOf(headers, name);
  if (values.length !== 1) throw new Error(`${values.length} headers ${name}`);
  return values[0] as string;
}
