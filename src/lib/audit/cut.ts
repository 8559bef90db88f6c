import { hash } from "node:crypto";

/** How much of a string that was cut still stands in the record, in UTF-16 units. */
const PREFIX_LENGTH = 64;

/** No cut string is shorter as JSON: quotes, mark, a size of two digits, hash, the space. */
export const SHORTEST_CUT = `"[cut: 10 bytes, sha256 ${"0".repeat(64)}] "`.length;

/**
 * A literal of no more units than this never gets shorter by a cut: what a cut drops, all after 64 characters at three
 * bytes each, is less than what its mark adds.
 */
export const LONGEST_UNCUT = SHORTEST_CUT + 1;

/** What stands for a string that was too long: its size and SHA-256 in UTF-8, and how it began. */
export function cutText(value: string, prefixLength: number = PREFIX_LENGTH): string {
  return `${mark(value)} ${beginning(value, prefixLength)}`;
}

/** The same in no more than `length` characters; a value that is no longer stays. */
export function shortened(value: string, length: number): string {
  return value.length <= length ? value : cutText(value, length - mark(value).length - 1);
}

function mark(value: string): string {
  return `[cut: ${Buffer.byteLength(value)} bytes, sha256 ${hash("sha256", value)}]`;
}

/** Never half of a surrogate pair. */
function beginning(value: string, length: number): string {
  const last = value.charCodeAt(length - 1);
  return value.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}
