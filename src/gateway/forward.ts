import type { ServerResponse } from "node:http";
import { errors, type Dispatcher } from "undici";
import type { Reason } from "../lib/audit/reasons.ts";
import type { ToolRule } from "../lib/policy/tools.ts";
import { KeptBytes } from "./http/kept-bytes.ts";
import { relayFor, type Relay } from "./http/relay.ts";
import { mediaType, relayedHeaders, unusableAnswer, type ResponseHeaders } from "./http/response-headers.ts";
import type { Message } from "./mcp/message.ts";
import { summarise, type AnswerSummary } from "./mcp/outcome.ts";
import { isSessionId } from "./mcp/session-id.ts";
import { Refusal } from "./refusal.ts";
import { refusedBody } from "./reply.ts";
import type { Clock } from "./state/clock.ts";

/** How a forwarded call ended: `granted` when the client got the whole answer. */
export interface Outcome extends AnswerSummary {
  readonly reason: Reason;
  /** Null when the client left before anything was sent. */
  readonly status: number | null;
  /** How much of a body was given to the client. */
  readonly bytesOut: number;
}

/** How long a backend may be silent once its answer began. */
export interface SilenceLimits {
  /** In a stream of events that answers a call. */
  readonly streamMs: number;
  /** In any other answer. */
  readonly otherMs: number;
}

export interface ForwardOptions {
  readonly response: ServerResponse;
  readonly requestId: string;
  /** Null for a GET stream or a DELETE. */
  readonly message: Message | null;
  readonly rule: ToolRule | null;
  readonly isModern: boolean;
  /** A stream that never ends by itself may be silent for as long as it likes. */
  readonly isOpenEnded: boolean;
  /** The session id that the client gets for the backend's. @throws Refusal */
  readonly wrapSession: (id: string) => string;
  readonly silence: SilenceLimits;
  readonly clock: Clock;
}

interface Head {
  readonly status: number;
  readonly headers: Record<string, string | string[]>;
  readonly isStream: boolean;
}

const SESSION = "mcp-session-id";
const LENGTH = "content-length";

/** How much of an answer is kept to see whether it reports an error; of a longer one the audit record does not say. */
const MAX_SUMMARISED_BYTES = 256 * 1024;
/** Measured: up to a few KB one string costs less than two buffers. */
const MAX_ONE_WRITE_BYTES = 16 * 1024;
const STREAM = "text/event-stream";
const CUT = new Error("cut by the gateway");

/**
 * One call on its way through: takes the backend's answer from undici and gives it to the client as it comes.
 * `outcome` rejects with a Refusal while nothing was sent, with a fault of ours at any time, and resolves in every
 * other case. Nothing is thrown at undici or the event loop: there it would end the process.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly outcome: Promise<Outcome>;
  readonly #options: ForwardOptions;
  readonly #settle: PromiseWithResolvers<Outcome> = Promise.withResolvers();
  readonly #answer = new KeptBytes(MAX_SUMMARISED_BYTES);
  #bytesOut = 0;
  #isDone = false;
  #controller: Dispatcher.DispatchController | null = null;
  #relay: Relay | null = null;
  #head: Head | null = null;
  /** An answer that came in one piece waits for its end, and goes out in one write. */
  #whole: Buffer | string | null = null;
  /** Monotonic time of the last sign of the backend. */
  #heardAt = 0;
  /** How long it may be silent after that; nothing to watch before its answer began. */
  #maxSilenceMs = Infinity;

  constructor(options: ForwardOptions) {
    this.#options = options;
    this.outcome = this.#settle.promise;
  }

  /** Ends the call from our side, whatever its state; the backend's connection is closed, which both eras take as leaving. */
  cut(refusal: Refusal): void {
    if (this.#isDone) return;
    this.#safely(() => {
      this.#leave();
      const { response } = this.#options;
      if (response.headersSent) {
        response.destroy();
        this.#finish(refusal.reason);
      } else {
        this.#settle.reject(refusal);
      }
    });
  }

  /**
   * Ends the call if its backend fell silent. To be called now and then: a timer of its own for each call costs more
   * than all the rest of this class.
   */
  giveUpIfSilent(): void {
    const { clock, response } = this.#options;
    if (this.#isDone || clock.monotonic() - this.#heardAt < this.#maxSilenceMs) return;
    // Where the client does not read, the backend cannot write.
    if (!response.writableNeedDrain) this.#safely(() => this.#giveUp());
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#isDone) return controller.abort(CUT);
    this.#controller = controller;
    // Interim answers restart undici's own timer, without end.
    this.#heardAt = this.#options.clock.monotonic();
    this.#maxSilenceMs = this.#options.silence.streamMs;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: ResponseHeaders): void {
    if (this.#isDone || (status >= 100 && status < 200)) return;
    this.#safely(() => this.#begin(status, headers));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isDone || this.#relay === null) return;
    this.#safely(() => this.#pass(controller, chunk));
  }

  onResponseEnd(): void {
    if (this.#isDone || this.#relay === null) return;
    this.#safely(() => this.#end());
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#isDone) return;
    const reason = failureOf(error);
    if (reason === null) this.#fail(error);
    else this.cut(new Refusal(reason));
  }

  #begin(status: number, headers: ResponseHeaders): void {
    const { rule, isModern, isOpenEnded, silence, clock } = this.#options;
    const unusable = unusableAnswer(status);
    if (unusable !== null) return this.cut(new Refusal(unusable));
    const type = mediaType(headers);
    this.#relay = type === null ? null : relayFor({ status, headers, mediaType: type }, rule, isModern);
    if (this.#relay === null) return this.cut(new Refusal("backend_malformed"));
    const relayed = relayedHeaders(headers);
    // RFC 9110 section 8.6: no Content-Length with 204.
    if (this.#relay.changesLength || status === 204) delete relayed[LENGTH];
    const problem = this.#wrapSession(relayed);
    if (problem !== null) return this.cut(problem);
    const isStream = type === STREAM;
    this.#head = { status, headers: relayed, isStream };
    if (isStream) this.#sendHead();
    this.#heardAt = clock.monotonic();
    if (!isStream) this.#maxSilenceMs = silence.otherMs;
    else this.#maxSilenceMs = isOpenEnded ? Infinity : silence.streamMs;
  }

  /** A session opened by the backend's answer is this caller's alone from here on. */
  #wrapSession(headers: Record<string, string | string[]>): Refusal | null {
    const id = headers[SESSION];
    if (id === undefined) return null;
    if (typeof id !== "string" || !isSessionId(id)) return new Refusal("backend_malformed");
    try {
      headers[SESSION] = this.#options.wrapSession(id);
      return null;
    } catch (error) {
      if (error instanceof Refusal) return error;
      throw error;
    }
  }

  #pass(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#heardAt = this.#options.clock.monotonic();
    const out = (this.#relay as Relay).push(chunk);
    if (out === null) return this.cut(new Refusal("backend_malformed"));
    if (out.length === 0) return;
    const { response } = this.#options;
    if (!response.headersSent) {
      if (this.#head?.headers[LENGTH] === String(out.length)) {
        this.#whole = out;
        return;
      }
      this.#sendHead();
    }
    this.#count(out);
    if (response.write(out)) return;
    controller.pause();
    response.once("drain", () => this.#safely(() => this.#resume(controller)));
  }

  #resume(controller: Dispatcher.DispatchController): void {
    if (this.#isDone) return;
    this.#heardAt = this.#options.clock.monotonic();
    controller.resume();
  }

  #end(): void {
    const out = this.#whole ?? (this.#relay as Relay).end();
    if (out === null) return this.cut(new Refusal("backend_malformed"));
    this.#isDone = true;
    this.#count(out);
    if (!this.#options.response.headersSent) this.#sendWholeHead(out);
    endWith(this.#options.response, out);
    this.#finish("granted");
  }

  /** The backend fell silent: a call answered by events is told so in its stream, if no event is half sent. */
  #giveUp(): void {
    const { response, message, requestId } = this.#options;
    const refusal = new Refusal("backend_timeout");
    const canTell = response.headersSent && this.#relay?.isBetweenEvents === true && message?.kind === "request";
    if (!canTell) return this.cut(refusal);
    this.#leave();
    const event = `event: message\ndata: ${refusedBody(refusal.refused, requestId, message)}\n\n`;
    this.#count(event);
    response.end(event);
    this.#finish(refusal.reason);
  }

  /** Nothing more is taken from the backend. */
  #leave(): void {
    this.#isDone = true;
    this.#controller?.abort(CUT);
  }

  #safely(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    // First: whatever fails in the next lines, the call is over.
    this.#settle.reject(error);
    this.#leave();
    if (this.#options.response.headersSent) this.#options.response.destroy();
  }

  /** The head of an answer whose body is known; what was filtered is told its new length. */
  #sendWholeHead(body: Buffer | string): void {
    const { headers } = this.#head as Head;
    if (this.#relay?.changesLength === true && body.length > 0) headers[LENGTH] = String(Buffer.byteLength(body));
    this.#sendHead();
  }

  #sendHead(): void {
    if (this.#head === null) return;
    this.#options.response.writeHead(this.#head.status, this.#head.headers);
    // A stream's first event may be minutes away; the client must know before that it is open.
    if (this.#head.isStream) this.#options.response.flushHeaders();
  }

  #count(out: Buffer | string): void {
    this.#bytesOut += typeof out === "string" ? Buffer.byteLength(out) : out.length;
    if (this.#options.message !== null) this.#answer.add(out);
  }

  #finish(reason: Reason): void {
    const { message } = this.#options;
    const status = this.#head?.status ?? null;
    const summary =
      message === null
        ? { rpcErrorCode: null, isError: null }
        : summarise(this.#answer.whole, this.#head?.isStream === true, message);
    this.#settle.resolve({ reason, status, bytesOut: this.#bytesOut, ...summary });
  }
}

/** A small answer as text of one byte a letter goes out in one write with its head; node writes a Buffer beside it. */
function endWith(response: ServerResponse, out: Buffer | string): void {
  if (typeof out === "string" || out.length > MAX_ONE_WRITE_BYTES) response.end(out);
  else response.end(out.toString("latin1"), "latin1");
}

/** What an error of undici or of the connection says of the backend; null for any other, which is a fault. */
function failureOf(error: Error): "backend_timeout" | "backend_unreachable" | "backend_forbidden" | null {
  const code = "code" in error ? error.code : null;
  if (code === "BACKEND_FORBIDDEN") return "backend_forbidden";
  if (code === "UND_ERR_HEADERS_TIMEOUT" || code === "UND_ERR_BODY_TIMEOUT") return "backend_timeout";
  if (code === "UND_ERR_INVALID_ARG" || code === "ERR_ASSERTION") return null;
  return typeof code === "string" || error instanceof errors.HTTPParserError ? "backend_unreachable" : null;
}
