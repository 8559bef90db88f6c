import { cutText, LONGEST_UNCUT, SHORTEST_CUT } from "./cut.ts";
import type { LogTarget } from "./logged-json.ts";

interface LongString {
  /** Its place among the chunks. */
  readonly index: number;
  readonly bytes: number;
}

/** UTF-8 takes no more bytes than this for one UTF-16 unit. */
const MAX_UNIT_BYTES = 3;

/**
 * JSON text in the making that is to fit so many bytes, if its longest strings are cut. It stops to take more as soon as
 * that cannot be: it never holds more than so many chunks, and each long string, cut or not, has its share of the room.
 */
export class Draft implements LogTarget {
  readonly longestShort = LONGEST_UNCUT;
  readonly #maxBytes: number;
  readonly #chunks: string[] = [];
  readonly #long: number[] = [];
  #units = 0;
  /** No more than it takes when every long string is cut. */
  #leastBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get isFull(): boolean {
    return this.#leastBytes > this.#maxBytes;
  }

  /** Where the next text will begin. */
  get position(): number {
    return this.#chunks.length;
  }

  add(json: string): void {
    if (json === "") return;
    this.#chunks.push(json);
    this.#units += json.length;
    this.#leastBytes += json.length;
  }

  addLong(literal: string): void {
    this.#long.push(this.#chunks.length);
    this.#chunks.push(literal);
    this.#units += literal.length;
    this.#leastBytes += SHORTEST_CUT;
  }

  /** Cuts the longest strings until all fits: how many were cut; null when it does not fit whatever is cut. */
  fit(): number | null {
    if (this.isFull) return null;
    if (this.#units * MAX_UNIT_BYTES <= this.#maxBytes) return 0;
    let bytes = this.#chunks.reduce((sum, chunk) => sum + Buffer.byteLength(chunk), 0);
    let cuts = 0;
    for (const { index, bytes: before } of bytes <= this.#maxBytes ? [] : this.#longestFirst()) {
      const cut = JSON.stringify(cutText(JSON.parse(this.#chunks[index] as string) as string));
      const saved = before - Buffer.byteLength(cut);
      if (saved <= 0) continue;
      this.#chunks[index] = cut;
      cuts += 1;
      bytes -= saved;
      if (bytes <= this.#maxBytes) break;
    }
    return bytes <= this.#maxBytes ? cuts : null;
  }

  /** The text between two positions. */
  text(from: number, to: number): string {
    return to - from === 1 ? (this.#chunks[from] as string) : this.#chunks.slice(from, to).join("");
  }

  #longestFirst(): readonly LongString[] {
    const long = this.#long.map((index) => ({ index, bytes: Buffer.byteLength(this.#chunks[index] as string) }));
    return long.sort((one, other) => other.bytes - one.bytes);
  }
}
