import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { request as plainRequest } from "node:http";
import { request as secureRequest, type RequestOptions } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "../errors.ts";
import type { Connection } from "./connection.ts";
import {
  CREDENTIALS_UNUSABLE,
  isTransient,
  LOGIN_SILENT,
  kubeError,
  statusError,
  TIMED_OUT,
  UNREACHABLE,
  UNREADABLE,
  type KubeStatus,
} from "./kube-error.ts";
import { pathOf, rightOf, type KubeCall } from "./resources.ts";

export interface KubeApiOptions {
  /** Ends requests and waits; they then reject with AppError interrupted. */
  readonly signal?: AbortSignal;
  /** For one answer, in milliseconds. */
  readonly timeoutMs?: number;
  /** How long a request is repeated while the API server is away, throttles or fails, in milliseconds. */
  readonly patienceMs?: number;
  readonly tell?: (line: string) => void;
  /** How long the kubeconfig's credentials may take, in milliseconds. */
  readonly loginMs?: number;
}

/** What differs for one call. */
export interface SpecialCall extends Pick<KubeApiOptions, "timeoutMs" | "patienceMs"> {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent though the signal has ended everything else: it undoes what was begun. */
  readonly isCleanup?: true;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: unknown;
}

interface Reply {
  readonly status: number;
  readonly text: string;
}

interface Limits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

interface Opening {
  readonly secured: RequestOptions;
  readonly signal: AbortSignal;
}

/** Far above the 3 MiB that etcd lets an object have, and a page of a list. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 10_000;
const NEWLINE = 0x0a;
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 2_000;
const DEFAULT_LOGIN_MS = 60_000;
const READY_MS = 2_000;
const PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

/** Requests to one API server. Every method throws AppError only. */
export class KubeApi {
  readonly #connection: Connection;
  readonly #options: KubeApiOptions;
  #isClosed = false;
  #calls = 0;

  constructor(connection: Connection, options: KubeApiOptions = {}) {
    this.#connection = connection;
    this.#options = options;
  }

  get server(): string {
    return this.#connection.server.host;
  }

  /** How many requests were sent so far, repeated ones included. */
  get calls(): number {
    return this.#calls;
  }

  /** Ends what is under way, too; whatever is asked from now on rejects with AppError interrupted. */
  close(): void {
    this.#isClosed = true;
    this.#connection.close();
  }

  /** The object, list or status that answers this call. @throws AppError as the API's status says */
  async send<T>(call: KubeCall, special: SpecialCall = {}): Promise<T> {
    const { status, text } = await this.reply(call, special);
    const value = parse(text);
    if (status < 200 || status > 299) throw statusError(call, status, value);
    if (value === null) throw kubeError(call, UNREADABLE, null);
    return value as T;
  }

  /** The answer whatever its status, for what is behind the API (a pod's proxy). @throws AppError when there is none */
  async reply(call: KubeCall, special: SpecialCall = {}): Promise<Reply> {
    const { patienceMs = 0, tell, timeoutMs = DEFAULT_TIMEOUT_MS } = { ...this.#options, ...special };
    const signal = special.isCleanup === true ? undefined : this.#options.signal;
    const deadline = performance.now() + patienceMs;
    let isTold = false;
    const repeat = (why: string): void => {
      if (!isTold) tell?.(`The API server ${why}; repeating ${rightOf(call)} for ${Math.round(patienceMs / 1000)} s.`);
      isTold = true;
    };
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LAST_PAUSE_MS, pause * 2)) {
      try {
        const reply = await this.#once(call, special.headers ?? {}, { timeoutMs, signal });
        // A pod that fails is not the API server's failure: who asked through it decides what that means.
        const isOver = call.subresource !== undefined || performance.now() + pause > deadline;
        if (isOver || !(await this.#isPassing(reply.status, call))) return reply;
        repeat(`answers ${reply.status}`);
      } catch (error) {
        if (!isTransient(error) || performance.now() + pause > deadline) throw error;
        repeat("cannot be reached");
      }
      await wait(pause, call, signal);
    }
  }

  /**
   * Follows a list from `query.resourceVersion` on; ends when the server ends it, nothing came for `idleMs`, or `signal`
   * says so.
   * @throws AppError as the API's status says, gone included, and for a stream that broke
   */
  async watch(
    call: KubeCall,
    idleMs: number,
    onEvent: (event: WatchEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const idle = new AbortController();
    const timer = setTimeout(() => idle.abort(), idleMs);
    try {
      const secured = await this.#credentials(call, this.#options.signal);
      const response = await this.#open(call, wireOf(call), {
        secured,
        signal: AbortSignal.any([signal, idle.signal]),
      });
      if (response.statusCode !== 200)
        throw statusError(call, response.statusCode ?? 0, parse(await textOf(response, call)));
      for await (const line of linesOf(response, call, () => timer.refresh())) {
        const event = readEvent(line, call);
        if (signal.aborted) return;
        onEvent(event);
      }
    } catch (error) {
      if (idle.signal.aborted || signal.aborted) return;
      throw this.#explained(error, call);
    } finally {
      clearTimeout(timer);
    }
  }

  /** May another try mend this? An API server that has just started refuses everybody until it has read its roles. */
  async #isPassing(status: number, call: KubeCall): Promise<boolean> {
    return status === 429 || status >= 500 || (status === 403 && !(await this.#isReady(call)));
  }

  /** Whoever may do nothing may ask this (`--authorization-always-allow-paths` of kube-apiserver). */
  async #isReady(call: KubeCall): Promise<boolean> {
    try {
      const asked = { method: "GET", path: "/readyz", body: null, headers: {} };
      const secured = await this.#credentials(call, this.#options.signal);
      const response = await this.#open(call, asked, { secured, signal: AbortSignal.timeout(READY_MS) });
      response.resume();
      return response.statusCode === 200;
    } catch (error) {
      if (error instanceof AppError) return false;
      throw error;
    }
  }

  /** A person may have to log in; a program that gives credentials and does not end must not keep others waiting for ever. */
  async #credentials(call: KubeCall, signal: AbortSignal | undefined): Promise<RequestOptions> {
    const { loginMs = DEFAULT_LOGIN_MS } = this.#options;
    const done = new AbortController();
    const ends = signal === undefined ? [done.signal] : [done.signal, signal];
    const over = delay(loginMs, null, { signal: AbortSignal.any(ends), ref: false }).catch(() => null);
    try {
      const secured = await Promise.race([this.#connection.secured(), over]);
      if (signal?.aborted === true) throw interrupted(call, signal.reason);
      if (secured === null) throw kubeError(call, LOGIN_SILENT, null);
      return secured;
    } finally {
      done.abort();
    }
  }

  async #once(
    call: KubeCall,
    headers: Readonly<Record<string, string>>,
    { timeoutMs, signal: own }: Limits,
  ): Promise<Reply> {
    // Before the time runs: a person may have to log in.
    const secured = await this.#credentials(call, own);
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = own === undefined ? timeout : AbortSignal.any([own, timeout]);
    try {
      const response = await this.#open(call, wireOf(call, headers), { secured, signal });
      return { status: response.statusCode ?? 0, text: await textOf(response, call) };
    } catch (error) {
      if (own?.aborted === true) throw interrupted(call, error);
      if (timeout.aborted) throw kubeError(call, TIMED_OUT, null, error);
      throw this.#explained(error, call);
    }
  }

  #explained(error: unknown, call: KubeCall): unknown {
    return this.#isClosed ? interrupted(call, error) : error;
  }

  async #open(call: KubeCall, wire: Wire, { secured, signal }: Opening): Promise<IncomingMessage> {
    if (this.#isClosed) throw interrupted(call, null);
    const { server } = this.#connection;
    const { method, path, body, headers } = wire;
    const options: RequestOptions = {
      ...secured,
      method,
      signal,
      headers: { ...(secured.headers as OutgoingHttpHeaders), "user-agent": "mcpctl", ...headers },
    };
    const url = new URL(`${server.pathname.replace(/\/$/, "")}${path}`, server);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    this.#calls += 1;
    const send = url.protocol === "https:" ? secureRequest : plainRequest;
    try {
      const request = send(url, options, resolve);
      request.on("error", (error) => reject(kubeError(call, UNREACHABLE, null, error)));
      request.end(body);
    } catch (error) {
      // A certificate or a token that is none is found out before anything is sent.
      throw kubeError(call, CREDENTIALS_UNUSABLE, null, error);
    }
    return promise;
  }
}

/** A request as it is sent. */
interface Wire {
  readonly method: string;
  readonly path: string;
  readonly body: Buffer | null;
  readonly headers: Readonly<Record<string, string | number>>;
}

function wireOf(call: KubeCall, headers: Readonly<Record<string, string>> = {}): Wire {
  const body = call.body === undefined ? null : Buffer.from(JSON.stringify(call.body));
  return {
    method: METHODS[call.verb],
    path: pathOf(call),
    body,
    headers: {
      accept: call.isMetadataOnly === true ? PARTIAL : "application/json",
      ...(body === null ? {} : { "content-type": contentType(call), "content-length": body.length }),
      ...headers,
    },
  };
}

const METHODS = {
  get: "GET",
  list: "GET",
  watch: "GET",
  create: "POST",
  update: "PUT",
  patch: "PATCH",
  delete: "DELETE",
} as const;

/** JSON merge patch, RFC 7386. */
function contentType({ verb }: KubeCall): string {
  return verb === "patch" ? "application/merge-patch+json" : "application/json";
}

async function textOf(response: IncomingMessage, call: KubeCall): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of partsOf(response, call)) {
    bytes += part.length;
    if (bytes > MAX_ANSWER_BYTES) throw kubeError(call, UNREADABLE, `more than ${MAX_ANSWER_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

async function* linesOf(response: IncomingMessage, call: KubeCall, onPart: () => void): AsyncIterable<string> {
  let parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of partsOf(response, call)) {
    onPart();
    let rest = part;
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      yield Buffer.concat([...parts, rest.subarray(0, end)]).toString();
      parts = [];
      bytes = 0;
      rest = rest.subarray(end + 1);
    }
    bytes += rest.length;
    if (bytes > MAX_ANSWER_BYTES) throw kubeError(call, UNREADABLE, `more than ${MAX_ANSWER_BYTES} bytes`);
    if (rest.length > 0) parts.push(rest);
  }
}

async function* partsOf(response: IncomingMessage, call: KubeCall): AsyncIterable<Buffer> {
  try {
    for await (const part of response as AsyncIterable<Buffer>) yield part;
  } catch (error) {
    throw kubeError(call, UNREACHABLE, null, error);
  }
}

/** @throws AppError for what is no event, and for the event that ends a watch */
function readEvent(line: string, call: KubeCall): WatchEvent {
  const event = parse(line) as WatchEvent | null;
  if (event === null) throw kubeError(call, UNREADABLE, null);
  if (event.type === "ERROR") throw watchError(call, event.object);
  return event;
}

/** A watch tells its own end as an event that holds a Status. */
function watchError(call: KubeCall, object: unknown): AppError {
  const said = object as (KubeStatus & { readonly code?: number }) | null;
  return statusError(call, said?.code ?? 500, said);
}

/** An object, or null for anything else. */
function parse(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

async function wait(ms: number, call: KubeCall, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw interrupted(call, error);
  }
}

function interrupted(call: KubeCall, cause: unknown): AppError {
  return new AppError("interrupted", "interrupted", `Interrupted during ${rightOf(call)}.`, { cause });
}
