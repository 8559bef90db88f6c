import { isUtf8 } from "node:buffer";

/** No record is longer than 16,000 bytes; what others wrap around one adds little. */
export const MAX_LINE_BYTES = 4 * 1024 * 1024;
const NEWLINE = 0x0a;
const MARK = Buffer.from("\ufeff");

/** Whole lines as text, and how many others there were that are none: not UTF-8, or longer than {@link MAX_LINE_BYTES}. */
export interface LineBatch {
  readonly text: string;
  readonly unreadable: number;
}

/** Cuts bytes that come in parts into whole lines, many at a time; keeps no more than one line between two parts. */
export class LineBatches {
  /** The parts of a line that has not ended yet. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #isTooLong = false;
  #isFirst = true;

  /** What whole lines does this part end? The part may be written over after. */
  push(part: Uint8Array): LineBatch {
    const bytes = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end === 0) {
      this.#keep(bytes);
      return { text: "", unreadable: 0 };
    }
    const start = this.#isTooLong ? bytes.indexOf(NEWLINE) + 1 : 0;
    const unreadable = this.#isTooLong ? 1 : 0;
    this.#isTooLong = false;
    const batch = this.#batch(bytes.subarray(start, end));
    this.#keep(bytes.subarray(end));
    return { ...batch, unreadable: batch.unreadable + unreadable };
  }

  /** The line that no line end followed. */
  end(): LineBatch {
    const batch = this.#batch(Buffer.alloc(0));
    const unreadable = this.#isTooLong ? 1 : 0;
    this.#isTooLong = false;
    return { ...batch, unreadable: batch.unreadable + unreadable };
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === 0 || this.#isTooLong) return;
    if (this.#pendingBytes + bytes.length > MAX_LINE_BYTES) {
      this.#pending = [];
      this.#pendingBytes = 0;
      this.#isTooLong = true;
      return;
    }
    this.#pending.push(Buffer.from(bytes));
    this.#pendingBytes += bytes.length;
  }

  #batch(bytes: Buffer): LineBatch {
    const whole = this.#pending.length === 0 ? bytes : Buffer.concat([...this.#pending, bytes]);
    this.#pending = [];
    this.#pendingBytes = 0;
    const isMarked = this.#isFirst && whole.subarray(0, MARK.length).equals(MARK);
    this.#isFirst &&= whole.length === 0;
    const lines = isMarked ? whole.subarray(MARK.length) : whole;
    return isUtf8(lines) ? { text: lines.toString("utf8"), unreadable: 0 } : readableLines(lines);
  }
}

/** Those of the lines that are UTF-8. */
function readableLines(bytes: Buffer): LineBatch {
  const texts: string[] = [];
  let unreadable = 0;
  for (let at = 0; at < bytes.length;) {
    const newline = bytes.indexOf(NEWLINE, at);
    const end = newline < 0 ? bytes.length : newline + 1;
    const line = bytes.subarray(at, end);
    if (isUtf8(line)) texts.push(line.toString("utf8"));
    else unreadable += 1;
    at = end;
  }
  return { text: texts.join(""), unreadable };
}
