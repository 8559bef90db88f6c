import type { IncomingMessage } from "node:http";
import { Refusal } from "../refusal.ts";
import type { Heads } from "./heads.ts";

/** Why a body could not be taken. */
export type BodyProblem =
  | "body_too_large"
  | "body_timeout"
  | "headers_too_large"
  | "http_malformed"
  | "client_gone"
  | RoomProblem;
type RoomProblem = "too_many_calls" | "overloaded";

/** What a body takes its memory from, bounded for its key and for all calls together. */
export interface BodyRoom {
  /** Sets room aside for so many more bytes; null when there was some, else why there was none. */
  takeBody(bytes: number): RoomProblem | null;
}

const JSON_TYPE = /^application\/json(?:\s*;\s*charset="?utf-8"?)?\s*$/i;

/** Refuses a body that could not be decided on, before any of it is read. @throws Refusal */
export function checkBodyHeads(heads: Heads, maxBytes: number): void {
  if (heads.contentType === null || !JSON_TYPE.test(heads.contentType)) throw new Refusal("content_type_unsupported");
  if (heads.contentEncoding !== null && heads.contentEncoding.toLowerCase() !== "identity")
    throw new Refusal("encoding_unsupported");
  if (heads.contentLength !== null && Number(heads.contentLength) > maxBytes) throw new Refusal("body_too_large");
}

/** A body of unknown length begins with at most this; a length that is only claimed is not believed beyond it. */
const FIRST_BYTES = 64 * 1024;

const NOTHING = Buffer.alloc(0);

/** The body of a request on its way; it can be given up from outside, by whoever learns that no more will come. */
export class BodyReader {
  readonly whole: Promise<Buffer>;
  readonly #request: IncomingMessage;
  readonly #room: BodyRoom;
  readonly #maxBytes: number;
  readonly #claimedLength: number;
  readonly #settle: PromiseWithResolvers<Buffer> = Promise.withResolvers();
  #bytes: Buffer = NOTHING;
  #length = 0;

  /** `contentLength` is what the headers claim, null for a body in chunks. `whole` rejects with a Refusal. */
  constructor(request: IncomingMessage, contentLength: string | null, room: BodyRoom, maxBytes: number) {
    this.whole = this.#settle.promise;
    this.#request = request;
    this.#room = room;
    this.#maxBytes = maxBytes;
    this.#claimedLength = Number(contentLength ?? 0);
    request.on("data", (chunk: Buffer) => this.#append(chunk));
    request.on("end", () => this.#finish());
    request.on("close", () => {
      if (!request.complete) this.fail("client_gone");
    });
  }

  /** How much of it came so far. */
  get receivedBytes(): number {
    return this.#length;
  }

  /** Whether all of it came, so that nothing that happens to the connection can change it. */
  get isComplete(): boolean {
    return this.#request.complete;
  }

  #finish(): void {
    this.#settle.resolve(this.#bytes.subarray(0, this.#length));
    // An idle connection remembers its last reader, which must not keep the bytes alive.
    this.#bytes = NOTHING;
  }

  fail(reason: BodyProblem): void {
    this.#request.removeAllListeners("data");
    this.#bytes = NOTHING;
    this.#settle.reject(new Refusal(reason));
  }

  /** Copies into one buffer that doubles: thousands of tiny chunks must not cost more than their bytes. */
  #append(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (length > this.#maxBytes) return this.fail("body_too_large");
    const problem = length > this.#bytes.length ? this.#grow(length) : null;
    if (problem !== null) return this.fail(problem);
    chunk.copy(this.#bytes, this.#length);
    this.#length = length;
  }

  #grow(atLeast: number): RoomProblem | null {
    const wanted = this.#length === 0 ? Math.min(this.#claimedLength, FIRST_BYTES) : 2 * this.#bytes.length;
    const capacity = Math.max(atLeast, Math.min(wanted, this.#maxBytes));
    const problem = this.#room.takeBody(capacity - this.#bytes.length);
    if (problem !== null) return problem;
    const grown = Buffer.allocUnsafe(capacity);
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
    return null;
  }
}
