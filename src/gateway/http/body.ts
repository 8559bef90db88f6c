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

/** The whole body. What it holds of the budget is given back by the caller when the call is over. @throws Refusal */
export function readBody(request: IncomingMessage, budget: BodyBudget): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let length = 0;
  const stop = (reason: Refusal["reason"]): void => {
    clearTimeout(timer);
    request.removeAllListeners("data");
    budget.give(length);
    length = 0;
    reject(new Refusal(reason));
  };
  const timer = setTimeout(stop, budget.limits.timeoutMs, "body_timeout");
  request.on("data", (chunk: Buffer) => {
    if (length + chunk.length > budget.limits.maxBytes) return stop("body_too_large");
    if (!budget.take(chunk.length)) return stop("overloaded");
    length += chunk.length;
    chunks.push(chunk);
  });
  request.on("end", () => {
    clearTimeout(timer);
    resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, length));
  });
  request.on("close", () => {
    if (!request.complete) stop("client_gone");
  });
  return promise;
}
