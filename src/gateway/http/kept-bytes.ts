import type { BodyRoom } from "./body.ts";
import { Refusal } from "../refusal.ts";

/**
 * Bytes that come in pieces, kept while they are few. The pieces are copied, for a piece may be one byte of a buffer of
 * 64 KiB that would be kept alive with it; only the first is kept as it is, since most answers come in one.
 */
export class KeptBytes {
  readonly #maxLength: number;
  /** Where the memory is accounted for; null for little that is bounded elsewhere. */
  readonly #room: BodyRoom | null;
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  #isOver = false;

  constructor(maxLength: number, room: BodyRoom | null = null) {
    this.#maxLength = maxLength;
    this.#room = room;
  }

  /** Everything that was added; empty when it was more than the limit. */
  get whole(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** False when there is more than the limit; then nothing is kept. @throws Refusal when there is no room */
  add(piece: Buffer | string): boolean {
    const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
    if (this.#isOver || this.#length + bytes.length > this.#maxLength) {
      this.#isOver = true;
      this.#bytes = Buffer.alloc(0);
      this.#length = 0;
      return false;
    }
    if (this.#length === 0) this.#begin(bytes);
    else this.#append(bytes);
    this.#length += bytes.length;
    return true;
  }

  #begin(bytes: Buffer): void {
    takeRoom(this.#room, bytes.length);
    this.#bytes = bytes;
  }

  #append(bytes: Buffer): void {
    const length = this.#length + bytes.length;
    if (length > this.#bytes.length) {
      const capacity = Math.min(Math.max(2 * length, 1024), this.#maxLength);
      takeRoom(this.#room, capacity - this.#bytes.length);
      const grown = Buffer.allocUnsafe(capacity);
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    bytes.copy(this.#bytes, this.#length);
  }
}

/** @throws Refusal too_many_calls, overloaded */
export function takeRoom(room: BodyRoom | null, bytes: number): void {
  const problem = room?.takeBody(bytes) ?? null;
  if (problem !== null) throw new Refusal(problem);
}
