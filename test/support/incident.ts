import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import type { AuditRecord } from "../../src/lib/audit/record.ts";
import type { MintedKey } from "../../src/lib/keys/key.ts";
import type { GatewayOptions } from "../../src/gateway/start-gateway.ts";
import {
  callHeaders,
  send,
  startTestGateway,
  toolCall,
  until,
  type Answer,
  type Ask,
  type TestFiles,
  type TestGateway,
} from "./gateway.ts";
import { sendJson, startRawBackend, type Backend, type RawAnswer, type Received } from "./mcp-backend.ts";

/** What became of one request: what its sender saw, what its record says, and what a backend saw of it. */
export interface Verdict {
  readonly status: number;
  /** The JSON-RPC error code, null where the answer has none. */
  readonly code: number | null;
  readonly reason: string;
  readonly reached: "nothing" | "the same bytes" | "other bytes";
}

/** A request as an {@link Ask}, or as the very bytes on a connection of its own, one letter for each byte. */
export type Attack = Ask | string;

/** A gateway before a backend that answers everything, and what became of every request to it. */
export interface Scene {
  readonly gateway: TestGateway;
  readonly backend: Backend & { readonly received: Received[] };
  /** An ordinary POST with the gateway's key; more headers may follow. */
  call(body?: string | Buffer, headers?: readonly string[], changes?: Ask): Ask;
  /** Sends them one after the other. @throws when one has not exactly one record, or an answer names another record */
  verdicts(attacks: readonly Attack[]): Promise<Verdict[]>;
  /** The same, told as the answers themselves. */
  answers(attacks: readonly Attack[]): Promise<Answer[]>;
  /** The session id that the gateway gives the owner of this key. */
  openSession(path?: string, key?: MintedKey): Promise<string>;
  /** @throws when there is not exactly one final record for each request that this scene sent */
  close(): Promise<void>;
}

export interface SceneOptions {
  readonly answer?: RawAnswer;
  readonly files?: TestFiles;
  readonly options?: Partial<GatewayOptions>;
  /** Other backends, by name, at these URLs. */
  readonly urls?: Readonly<Record<string, string>>;
}

export const PASSED: Verdict = { status: 200, code: null, reason: "granted", reached: "the same bytes" };
export const HONEST = toolCall("eks_get_pods", '{"namespace":"production"}');
export const DENIED_TOOL = toolCall("eks_delete_pod", '{"name":"api-0"}');
/** What the backend calls the sessions that it opens, counted from 1. */
export const backendSession = (count: number): string => `session-of-the-backend-${count}`;

/** A refusal that no backend saw anything of. */
export function refused(status: number, code: number | null, reason: string): Verdict {
  return { status, code, reason, reached: "nothing" };
}

const OK = '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}';
const INITIALIZE =
  '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"agent","version":"1"}}}';

/** The backend is `eks-ro`, granted whole, and `narrow`, granted but for the tools that do not begin `eks_get_`. */
export async function startScene({ answer, files, options, urls }: SceneOptions = {}): Promise<Scene> {
  let opened = 0;
  const backend = await startRawBackend((got, response) => {
    if (got.body.includes('"initialize"'))
      sendJson(response, OK, 200, { "mcp-session-id": backendSession((opened += 1)) });
    else if (answer === undefined) sendJson(response, OK);
    else answer(got, response);
  });
  const own = { "eks-ro": `${backend.url}/eks`, narrow: `${backend.url}/narrow` };
  const gateway = await startTestGateway({ ...own, ...urls }, files, options);
  let sent = 0;
  const finals = (): Promise<AuditRecord[]> => finalRecords(join(gateway.folder, "log", "audit.jsonl"));

  /** Sends it and finds its record. */
  const tried = async (attack: Attack): Promise<{ readonly answer: Answer; readonly record: AuditRecord }> => {
    const before = (await finals()).length;
    sent += 1;
    const answer = typeof attack === "string" ? await sendBytes(gateway.url, attack) : await send(gateway.url, attack);
    const found = (await until(finals, (records) => records.length > before)).slice(before);
    const [record] = found;
    if (record === undefined || found.length !== 1) throw new Error(`not one final record: ${JSON.stringify(found)}`);
    return { answer, record };
  };

  const verdict = async (attack: Attack): Promise<Verdict> => {
    const before = backend.received.length;
    const { answer, record } = await tried(attack);
    const { code, requestId } = errorIn(answer.body);
    if (requestId !== null && requestId !== record.request_id) throw new Error("the answer names another record");
    const reached = whatReached(backend.received.slice(before), attack);
    return { status: answer.status, code, reason: record.reason, reached };
  };

  return {
    gateway,
    backend,
    call: (body = HONEST, headers = [], changes = {}) => ({
      body,
      ...changes,
      headers: [...callHeaders(gateway.key), ...headers],
    }),
    verdicts: (attacks) => inTurn(attacks, verdict),
    answers: (attacks) => inTurn(attacks, async (attack) => (await tried(attack)).answer),
    openSession: async (path = "/mcp/eks-ro/mcp", key = gateway.key) => {
      const { answer } = await tried({ path, headers: callHeaders(key), body: INITIALIZE });
      return String(answer.headers["mcp-session-id"]);
    },
    close: async () => {
      await gateway.drain();
      const recorded = (await finals()).length;
      await gateway.close();
      await backend.close();
      if (recorded !== sent) throw new Error(`${sent} requests have ${recorded} final records`);
    },
  };
}

/** The final records that are written whole: a reader may come upon the last line while it is being written. */
async function finalRecords(path: string): Promise<AuditRecord[]> {
  const text = await readFile(path, "utf8");
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  return lines
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as AuditRecord)
    .filter(({ phase }) => phase === "final");
}

async function inTurn<A, B>(items: readonly A[], step: (item: A) => Promise<B>): Promise<B[]> {
  const done: B[] = [];
  for (const item of items) done.push(await step(item));
  return done;
}

/** Every value of this header, in order. */
export function valuesOf({ rawHeaders }: Received, name: string): readonly string[] {
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name);
}

/** Sends exactly these bytes, one letter for each, and reads until the gateway ends the connection. */
export function sendBytes(base: string, bytes: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const socket = connect(Number(new URL(base).port), "127.0.0.1", () => socket.write(bytes, "latin1"));
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  socket.on("close", () => resolve(readAnswer(text)));
  socket.on("error", reject);
  return promise;
}

function readAnswer(text: string): Answer {
  const [head = "", ...rest] = text.split("\r\n\r\n");
  const [line = "", ...fields] = head.split("\r\n");
  const headers = Object.fromEntries(
    fields.map((field) => [field.split(":", 1)[0]?.toLowerCase(), field.slice(field.indexOf(":") + 1).trim()]),
  );
  return { status: Number(line.split(" ")[1] ?? 0), headers, body: rest.join("\r\n\r\n") };
}

function errorIn(body: string): { readonly code: number | null; readonly requestId: string | null } {
  let told: { error?: { code?: number; data?: { request_id?: string } }; request_id?: string };
  try {
    told = JSON.parse(body) as typeof told;
  } catch {
    return { code: null, requestId: null };
  }
  return { code: told.error?.code ?? null, requestId: told.error?.data?.request_id ?? told.request_id ?? null };
}

function whatReached(received: readonly Received[], attack: Attack): Verdict["reached"] {
  const [first] = received;
  if (first === undefined) return "nothing";
  const sent = bytesOf(attack);
  return received.length === 1 && first.body.equals(sent) ? "the same bytes" : "other bytes";
}

function bytesOf(attack: Attack): Buffer {
  if (typeof attack === "string") return Buffer.from(attack.slice(attack.indexOf("\r\n\r\n") + 4), "latin1");
  return Buffer.from(attack.body ?? "");
}
