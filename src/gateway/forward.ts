import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { Dispatcher } from "undici";
import type { Reason } from "../lib/audit/reasons.ts";
import type { ToolRule } from "../lib/policy/tools.ts";
import { relayFor, type Relay } from "./http/relay.ts";
import { mediaType, relayedHeaders, unusableAnswer } from "./http/response-headers.ts";
import type { Message } from "./mcp/message.ts";
import { summarise, type AnswerSummary } from "./mcp/outcome.ts";
import { Refusal } from "./refusal.ts";

/** How a forwarded call ended: `granted` when the client got the whole answer. */
export interface Outcome extends AnswerSummary {
  readonly reason: Reason;
  /** Null when the client left before anything was sent. */
  readonly status: number | null;
}

export interface ForwardOptions {
  readonly response: ServerResponse;
  /** Null for a GET stream or a DELETE. */
  readonly message: Message | null;
  readonly rule: ToolRule | null;
  readonly isModern: boolean;
}

/** How much of an answer is kept to see whether it reports an error; of a longer one the audit record does not say. */
const MAX_SUMMARISED_BYTES = 256 * 1024;
const STREAM = "text/event-stream";
const CUT = new Error("cut by the gateway");

/**
 * One call on its way through: takes the backend's answer from undici and gives it to the client as it comes.
 * `outcome` rejects with a Refusal while nothing was sent, and resolves in every other case.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly outcome: Promise<Outcome>;
  readonly #options: ForwardOptions;
  readonly #settle: PromiseWithResolvers<Outcome> = Promise.withResolvers();
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  #isDone = false;
  #controller: Dispatcher.DispatchController | null = null;
  #relay: Relay | null = null;
  #head: {
    readonly status: number;
    readonly headers: Record<string, string | string[]>;
    readonly isStream: boolean;
  } | null = null;

  constructor(options: ForwardOptions) {
    this.#options = options;
    this.outcome = this.#settle.promise;
  }

  /** Ends the call from our side, whatever its state; the backend's connection is closed, which both eras take as leaving. */
  cut(refusal: Refusal): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#controller?.abort(CUT);
    const { response } = this.#options;
    if (response.headersSent) {
      response.destroy();
      this.#finish(refusal.reason);
    } else {
      this.#settle.reject(refusal);
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#isDone) controller.abort(CUT);
    else this.#controller = controller;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (this.#isDone || (status >= 100 && status < 200)) return;
    const unusable = unusableAnswer(status);
    if (unusable !== null) return this.cut(new Refusal(unusable));
    this.#relay = relayFor(headers, this.#options.rule, this.#options.isModern);
    if (this.#relay === null) return this.cut(new Refusal("backend_malformed"));
    const relayed = relayedHeaders(headers);
    if (this.#relay.changesLength) delete relayed["content-length"];
    this.#head = { status, headers: relayed, isStream: mediaType(headers) === STREAM };
    if (this.#head.isStream) this.#sendHead();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isDone || this.#relay === null) return;
    const out = this.#relay.push(chunk);
    if (out === null) return this.cut(new Refusal("backend_malformed"));
    if (out.length === 0) return;
    this.#keep(out);
    const { response } = this.#options;
    if (!response.headersSent) this.#sendHead();
    if (response.write(out)) return;
    controller.pause();
    response.once("drain", () => controller.resume());
  }

  onResponseEnd(): void {
    if (this.#isDone || this.#relay === null) return;
    const out = this.#relay.end();
    if (out === null) return this.cut(new Refusal("backend_malformed"));
    this.#keep(out);
    this.#isDone = true;
    if (!this.#options.response.headersSent) this.#sendHead();
    this.#options.response.end(out);
    this.#finish("granted");
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const code = "code" in error ? error.code : null;
    this.cut(
      new Refusal(
        code === "UND_ERR_HEADERS_TIMEOUT" || code === "UND_ERR_BODY_TIMEOUT"
          ? "backend_timeout"
          : "backend_unreachable",
      ),
    );
  }

  #sendHead(): void {
    if (this.#head === null) return;
    this.#options.response.writeHead(this.#head.status, this.#head.headers);
    // A stream's first event may be minutes away; the client must know before that it is open.
    if (this.#head.isStream) this.#options.response.flushHeaders();
  }

  #keep(chunk: Buffer | string): void {
    this.#keptBytes += chunk.length;
    if (this.#keptBytes > MAX_SUMMARISED_BYTES) this.#kept.length = 0;
    else if (chunk.length > 0) this.#kept.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  }

  #finish(reason: Reason): void {
    const { message } = this.#options;
    const status = this.#head?.status ?? null;
    const answer = this.#kept.length === 1 ? (this.#kept[0] as Buffer) : Buffer.concat(this.#kept);
    const summary =
      message === null
        ? { rpcErrorCode: null, isError: null }
        : summarise(answer, this.#head?.isStream === true, message);
    this.#settle.resolve({ reason, status, ...summary });
  }
}
