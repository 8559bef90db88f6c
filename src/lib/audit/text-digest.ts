import { createHash } from "node:crypto";
import type { LogTarget } from "./logged-json.ts";

const FLUSH_UNITS = 64 * 1024;

/** Takes text of any length and keeps only its size and SHA-256, both of its UTF-8. */
export class TextDigest implements LogTarget {
  readonly longestShort = Infinity;
  readonly isFull = false;
  readonly #hash = createHash("sha256");
  #bytes = 0;
  #pending = "";

  add(json: string): void {
    this.#pending += json;
    if (this.#pending.length > FLUSH_UNITS) this.#flush();
  }

  addLong(literal: string): void {
    this.add(literal);
  }

  /** What stands in a record for the text. */
  omission(): string {
    this.#flush();
    return `[omitted: ${this.#bytes} bytes, sha256 ${this.#hash.digest("hex")}]`;
  }

  #flush(): void {
    this.#hash.update(this.#pending);
    this.#bytes += Buffer.byteLength(this.#pending);
    this.#pending = "";
  }
}
