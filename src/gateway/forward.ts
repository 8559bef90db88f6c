import type { ServerResponse } from "node:http";
import { errors, type Dispatcher } from "undici";
import type { Reason } from "../lib/audit/reasons.ts";
import type { ToolRule } from "../lib/policy/tools.ts";
import type { BodyRoom } from "./http/body.ts";
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
  /** What the gateway must hold of an answer to filter it is taken from here. */
  readonly room: BodyRoom;
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
/** Up to here node's own writes of strings need no memory of their own; measured at 1 KiB: 14.5 us for 16 us a request. */
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
  /** Nothing more is taken from the backend. */
  #isDone = false;
  /** Nothing more is given to the client either: it has everything, or will get no more. */
  #isOver = false;
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
    // It may be cut before anybody waits for it, which must not end the process.
    this.outcome.catch(() => undefined);
  }

  /** Ends the call from our side, whatever its state; the backend's connection is closed, which both eras take as leaving. */
  cut(refusal: Refusal): void {
    if (this.#isOver) return;
    this.#safely(() => {
      if (!this.#isDone) this.#leave();
      const { response } = this.#options;
      if (response.headersSent) {
        response.destroy();
        this.#finish(refusal.reason);
      } else {
        this.#isOver = true;
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
    const { rule, isModern, room, isOpenEnded, silence, clock } = this.#options;
    const unusable = unusableAnswer(status);
    if (unusable !== null) return this.cut(new Refusal(unusable));
    const type = mediaType(headers);
    this.#relay = type === null ? null : relayFor({ status, headers, mediaType: type }, { rule, isModern, room });
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
    headers[SESSION] = this.#options.wrapSession(id);
    return null;
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
    this.#watchClient();
    response.once("drain", () => this.#safely(() => this.#resume(controller)));
  }

  /** A client that takes nothing for too long is gone: what it leaves unread is memory. Node ends its connection. */
  #watchClient(): void {
    const { response, silence } = this.#options;
    response.socket?.setTimeout(silence.streamMs);
  }

  #resume(controller: Dispatcher.DispatchController): void {
    if (this.#isDone) return;
    this.#options.response.socket?.setTimeout(0);
    this.#heardAt = this.#options.clock.monotonic();
    controller.resume();
  }

  #end(): void {
    const out = this.#whole ?? (this.#relay as Relay).end();
    if (out === null) return this.cut(new Refusal("backend_malformed"));
    this.#isDone = true;
    this.#count(out);
    if (!this.#options.response.headersSent) this.#sendWholeHead(out);
    this.#giveEnd(out, "granted");
  }

  /** The call is over when its client has taken the end of the answer, not when that was handed to the connection. */
  #giveEnd(out: Buffer | string, reason: Reason): void {
    const { response } = this.#options;
    endWith(response, out, () => this.#finish(reason));
    if (response.writableLength > 0) this.#watchClient();
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
    this.#giveEnd(event, refusal.reason);
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
    if (error instanceof Refusal) return this.cut(error);
    // First: whatever fails in the next lines, the call is over.
    this.#isOver = true;
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
    // Only what answers a request tells how it went, and a stream without end never does.
    const { message, isOpenEnded } = this.#options;
    if (message?.kind === "request" && !isOpenEnded) this.#answer.add(out);
  }

  #finish(reason: Reason): void {
    if (this.#isOver) return;
    this.#isOver = true;
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
function endWith(response: ServerResponse, out: Buffer | string, onTaken: () => void): void {
  if (typeof out === "string" || out.length > MAX_ONE_WRITE_BYTES) response.end(out, onTaken);
  else response.end(out.toString("latin1"), "latin1", onTaken);
}

/** What an error of undici or of the connection says of the backend; null for any other, which is a fault. */
function failureOf(error: Error): "backend_timeout" | "backend_unreachable" | "backend_forbidden" | null {
  const code = "code" in error ? error.code : null;
  if (code === "BACKEND_FORBIDDEN") return "backend_forbidden";
  if (code === "UND_ERR_HEADERS_TIMEOUT" || code === "UND_ERR_BODY_TIMEOUT") return "backend_timeout";
  if (code === "UND_ERR_INVALID_ARG" || code === "ERR_ASSERTION") return null;
  return typeof code === "string" || error instanceof errors.HTTPParserError ? "backend_unreachable" : null;
}
