import type { IncomingMessage } from "node:http";
import { Refusal } from "../refusal.ts";
import type { Heads } from "./heads.ts";

export interface BodyLimits {
  readonly maxBytes: number;
  /** For the bodies of all calls together. */
  readonly maxTotalBytes: number;
  readonly timeoutMs: number;
}

/** Counts what the bodies of all calls hold together. */
export class BodyBudget {
  readonly limits: BodyLimits;
  #held = 0;

  constructor(limits: BodyLimits) {
    this.limits = limits;
  }

  take(bytes: number): boolean {
    if (this.#held + bytes > this.limits.maxTotalBytes) return false;
    this.#held += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#held -= bytes;
  }
}

const JSON_TYPE = /^application\/json(?:\s*;\s*charset="?utf-8"?)?\s*$/i;

/** Refuses a body that could not be decided on, before any of it is read. @throws Refusal */
export function checkBodyHeads(heads: Heads, limits: BodyLimits): void {
  if (heads.contentType === null || !JSON_TYPE.test(heads.contentType)) throw new Refusal("content_type_unsupported");
  if (heads.contentEncoding !== null && heads.contentEncoding.toLowerCase() !== "identity")
    throw new Refusal("encoding_unsupported");
  if (heads.contentLength !== null && Number(heads.contentLength) > limits.maxBytes)
    throw new Refusal("body_too_large");
}

/** A body in memory, and what it holds of the budget, which is a little more. */
export interface HeldBody {
  readonly bytes: Buffer;
  readonly heldBytes: number;
}

/** A body of unknown length begins with at most this; a length that is only claimed is not believed beyond it. */
const FIRST_BYTES = 64 * 1024;

/**
 * The whole body. What it holds of the budget is given back by the caller when the call is over.
 * `contentLength` is what the headers claim, null for a body in chunks. @throws Refusal
 */
export function readBody(
  request: IncomingMessage,
  contentLength: string | null,
  budget: BodyBudget,
): Promise<HeldBody> {
  const { promise, resolve, reject } = Promise.withResolvers<HeldBody>();
  const body = new GrowingBody(budget, Number(contentLength ?? 0));
  const stop = (reason: Refusal["reason"]): void => {
    clearTimeout(timer);
    request.removeAllListeners("data");
    body.drop();
    reject(new Refusal(reason));
  };
  const timer = setTimeout(stop, budget.limits.timeoutMs, "body_timeout");
  request.on("data", (chunk: Buffer) => {
    const problem = body.append(chunk);
    if (problem !== null) stop(problem);
  });
  request.on("end", () => {
    clearTimeout(timer);
    resolve(body.whole());
  });
  request.on("close", () => {
    if (!request.complete) stop("client_gone");
  });
  return promise;
}

/** Copies chunks into one buffer that doubles: thousands of tiny chunks must not cost more than their bytes. */
class GrowingBody {
  readonly #budget: BodyBudget;
  readonly #claimedLength: number;
  #bytes = Buffer.alloc(0);
  #length = 0;

  constructor(budget: BodyBudget, claimedLength: number) {
    this.#budget = budget;
    this.#claimedLength = claimedLength;
  }

  /** Null when it found room, else why it did not. */
  append(chunk: Buffer): "body_too_large" | "overloaded" | null {
    const length = this.#length + chunk.length;
    if (length > this.#budget.limits.maxBytes) return "body_too_large";
    if (length > this.#bytes.length && !this.#grow(length)) return "overloaded";
    chunk.copy(this.#bytes, this.#length);
    this.#length = length;
    return null;
  }

  whole(): HeldBody {
    return { bytes: this.#bytes.subarray(0, this.#length), heldBytes: this.#bytes.length };
  }

  drop(): void {
    this.#budget.give(this.#bytes.length);
    this.#bytes = Buffer.alloc(0);
    this.#length = 0;
  }

  #grow(atLeast: number): boolean {
    const wanted = this.#length === 0 ? Math.min(this.#claimedLength, FIRST_BYTES) : 2 * this.#bytes.length;
    const capacity = Math.max(atLeast, Math.min(wanted, this.#budget.limits.maxBytes));
    if (!this.#budget.take(capacity - this.#bytes.length)) return false;
    const grown = Buffer.allocUnsafe(capacity);
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
    return true;
  }
}
