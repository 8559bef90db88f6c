import { pick, type Below } from "./body-mutations.ts";
import { headLines, wireText, type Sent } from "./requests.ts";
import { BACKENDS, GRANTS, HOLDER_NAMES, SLIM_TOOLS, TOOLS, type HolderName, type Holders } from "./world.ts";

/** A call with nothing wrong with it, and the answer that it must get. */
export interface ValidCall extends Sent {
  readonly status: number;
  /** The answer's JSON without the request id of a refusal; null for no body. */
  readonly answer: string | null;
}

export function validCall(number: number, holders: Holders, below: Below): ValidCall {
  const name = pick<HolderName>(below, [...HOLDER_NAMES, "wide", "slim", "slim"]);
  const holder = holders[name];
  const backend = pick(below, BACKENDS);
  const kind = pick(below, ["call", "call", "call", "list", "notify"] as const);
  const tool = pick(below, TOOLS);
  const id = pick(below, [String(number), `"${number}"`, "12345678901234567890"]);
  const lines = headLines(number, backend, holder.key.token.reveal(), "localhost");
  const body = BODIES[kind](id, tool);
  const bytes = wireText([...lines, `Content-Length: ${body.length}`], body);
  const sent: Sent = { number, bytes, holders: [name], isCut: false };
  const grant = GRANTS[holder.role][backend];
  const echoed = kind === "notify" ? "null" : id;
  if (holder.user === null) return { ...sent, status: 401, answer: refusal("null", -31401, "The key is not accepted") };
  if (grant === undefined)
    return { ...sent, status: 403, answer: refusal(echoed, -31403, "This key does not open this server") };
  if (kind === "notify") return { ...sent, status: 202, answer: null };
  if (kind === "list") {
    const shown = TOOLS.filter((each) => grant.tools === null || SLIM_TOOLS.has(each));
    return {
      ...sent,
      status: 200,
      answer: result(id, `{"tools":[${shown.map((each) => `{"name":"${each}"}`).join(",")}]}`),
    };
  }
  if (grant.tools !== null && !grant.tools.has(tool))
    return { ...sent, status: 200, answer: refusal(id, -32602, `Unknown tool: ${tool}`) };
  return {
    ...sent,
    status: 200,
    answer: result(id, `{"content":[{"type":"text","text":"${backend} ${holder.user}"}]}`),
  };
}

/** What is wrong with this answer to that call? Null for nothing. */
export function faultOf(call: ValidCall, status: number, body: string): string | null {
  const comparable = body.replace(/,"data":\{"request_id":"req_[\w-]{16}"\}/, "");
  if (status === call.status && comparable === (call.answer ?? "")) return null;
  return `got ${status} ${JSON.stringify(body)}, not ${call.status} ${JSON.stringify(call.answer)}`;
}

const BODIES = {
  call: (id: string, tool: string) =>
    `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"${tool}","arguments":{"n":1.0}}}`,
  list: (id: string) => `{"jsonrpc":"2.0","id":${id},"method":"tools/list"}`,
  notify: () => '{"jsonrpc":"2.0","method":"notifications/initialized"}',
} as const;

function result(id: string, json: string): string {
  return `{"jsonrpc":"2.0","id":${id},"result":${json}}`;
}

function refusal(id: string, code: number, message: string): string {
  return `{"jsonrpc":"2.0","id":${id},"error":{"code":${code},"message":"${message}"}}`;
}
