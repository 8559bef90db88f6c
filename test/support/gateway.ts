import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AuditRecord } from "../../src/lib/audit/record.ts";
import { mintKey, type MintedKey } from "../../src/lib/keys/key.ts";
import { wrapSessionId } from "../../src/gateway/mcp/session-id.ts";
import { startGateway, type GatewayOptions, type RunningGateway } from "../../src/gateway/start-gateway.ts";

/** A gateway on free ports with files of its own. */
export interface TestGateway extends RunningGateway {
  readonly folder: string;
  readonly key: MintedKey;
  /** A session id of a backend as this key's holder has it. */
  session(id: string, backend?: string, holder?: MintedKey): string;
  /** What the gateway told people. */
  readonly logged: string[];
  /** Replaces one of its files, as writers do: by renaming. */
  put(name: string, text: string): Promise<void>;
  /** The audit records written so far. */
  records(): Promise<AuditRecord[]>;
  /** Waits until there are this many records. */
  waitForRecords(count: number): Promise<AuditRecord[]>;
  close(): Promise<void>;
}

export interface TestFiles {
  readonly keys?: string;
  readonly locks?: string | null;
  readonly roles?: string;
  readonly backends?: string;
}

export const ROLES = `roleMapping:
  dev-readonly:
    - eks-ro
    - sse
    - { backend: narrow, tools: { allow: ["eks_get_*"] } }
    - eks-rw
`;

/** A registry of backends at these URLs. */
export function registryOf(urls: Readonly<Record<string, string>>): string {
  const entries = Object.entries(urls).map(([name, url]) => {
    const access = name.endsWith("-rw") ? "rw" : "ro";
    return `  ${name}: { service: eks, environment: stage, access: ${access}, owner: platform, url: "${url}" }\n`;
  });
  return `backends:\n${entries.join("")}`;
}

export const NO_LOCKS = '{"locks":[],"removed":[]}';

/** A keys.json with this key, and whatever else is given. */
export function keysJson(
  key: MintedKey,
  more: Readonly<Record<string, string>> = {},
  record = "dev-readonly/agent-01",
): string {
  return JSON.stringify({ [`${record.split("/")[0]}.${key.hash}`]: record, ...more });
}

export async function startTestGateway(
  urls: Readonly<Record<string, string>>,
  files: TestFiles = {},
  options: Partial<GatewayOptions> = {},
): Promise<TestGateway> {
  const folder = await mkdtemp(join(tmpdir(), "mcpctl-gateway-"));
  const key = mintKey(randomBytes);
  const logged: string[] = [];
  const put = async (name: string, text: string): Promise<void> => {
    await writeFile(join(folder, `${name}.new`), text);
    await rename(join(folder, `${name}.new`), join(folder, name));
  };
  await put("keys.json", files.keys ?? keysJson(key));
  if (files.locks !== null) await put("denylist.json", files.locks ?? NO_LOCKS);
  await put("roles.yaml", files.roles ?? ROLES);
  await put("backends.yaml", files.backends ?? registryOf(urls));
  const secret = randomBytes(32).toString("base64");
  await put("session-secret", `${secret}\n`);
  await mkdir(join(folder, "log"));
  const auditFile = join(folder, "log", "audit.jsonl");
  const gateway = await startGateway({
    keys: [{ path: join(folder, "keys.json"), role: null }],
    locks: join(folder, "denylist.json"),
    roles: join(folder, "roles.yaml"),
    backends: join(folder, "backends.yaml"),
    listen: { host: "127.0.0.1", port: 0 },
    admin: { host: "127.0.0.1", port: 0 },
    auditFile,
    startRecords: "rw",
    redactedNames: [],
    sessionSecret: join(folder, "session-secret"),
    tls: null,
    trustedProxies: [],
    allowsBareHashes: false,
    allowedHosts: [],
    allowedOrigins: [],
    instance: "gw-test",
    maxAgeSeconds: 900,
    version: "0.0.0-test",
    log: (line) => logged.push(line),
    ...options,
    // No key is too busy for a test, unless the test says so.
    limits: { maxCallsPerSecond: 0, ...options.limits },
  });
  const session = (id: string, backend = "eks-ro", holder = key): string =>
    wrapSessionId(id, { keyHash: holder.hash, backend }, { current: secret, previous: null });
  const records = async (): Promise<AuditRecord[]> => parseRecords(await readFile(auditFile, "utf8"));
  const waitForRecords = async (count: number): Promise<AuditRecord[]> =>
    until(records, (found) => found.length >= count);
  const close = async (): Promise<void> => {
    await gateway.drain();
    await rm(folder, { recursive: true, force: true });
  };
  return { ...gateway, folder, key, session, logged, put, records, waitForRecords, close };
}

/** Those whose line is whole: the last one may be under way. */
function parseRecords(text: string): AuditRecord[] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as AuditRecord);
}

/** Asks again until the answer fits. @throws after ten seconds, with the last answer */
export async function until<T>(ask: () => Promise<T> | T, fits: (answer: T) => boolean): Promise<T> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const answer = await ask();
    if (fits(answer)) return answer;
    if (performance.now() > deadline)
      throw new Error(`still not so after 10 s: ${JSON.stringify(answer)?.slice(0, 500)}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface Ask {
  readonly method?: string;
  readonly path?: string;
  /** Name, value, name, value; a name may stand twice. */
  readonly headers?: readonly string[];
  readonly body?: string | Buffer | null;
}

/** The headers of an ordinary POST with this key. */
export function callHeaders(key: MintedKey | string): string[] {
  const token = typeof key === "string" ? key : key.token.reveal();
  return [
    "authorization",
    `Bearer ${token}`,
    "content-type",
    "application/json",
    "accept",
    "application/json, text/event-stream",
  ];
}

/** One HTTP request, sent as it stands, on a connection of its own. */
export async function send(base: string, ask: Ask): Promise<Answer> {
  const response = await open(base, ask);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString("utf8") };
}

/** The same, its answer still open. */
export function open(base: string, ask: Ask): Promise<IncomingMessage> {
  const url = new URL(base);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const body = ask.body ?? null;
  const headers = [...(ask.headers ?? [])];
  if (!headers.some((name, index) => index % 2 === 0 && name.toLowerCase() === "host")) headers.push("host", url.host);
  if (body !== null && !headers.includes("transfer-encoding"))
    headers.push("content-length", String(Buffer.byteLength(body)));
  const request = httpRequest({
    host: url.hostname,
    port: url.port,
    method: ask.method ?? "POST",
    path: ask.path ?? "/mcp/eks-ro/mcp",
    headers,
    agent: false,
    setHost: false,
  });
  request.on("response", resolve);
  request.on("error", reject);
  request.end(body ?? undefined);
  return promise;
}

/** Resolves to true when the stream was cut, to false when it ended in order. */
export async function isCut(stream: IncomingMessage): Promise<boolean> {
  try {
    for await (const chunk of stream) void chunk;
    return false;
  } catch {
    return true;
  }
}

/** A `tools/call` as text. */
export function toolCall(name: string, args: string = "{}", id: string = "1"): string {
  return `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":${JSON.stringify(name)},"arguments":${args}}}`;
}
