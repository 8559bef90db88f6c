import { createHash } from "node:crypto";

/** Bytes that look random and are the same in every run: SHA-256 of the seed and a counter. */
export function seededBytes(seed = "mcpctl"): (length: number) => Uint8Array {
  let calls = 0;
  return (length) => {
    calls += 1;
    const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, block) => digest(`${seed} ${calls} ${block}`));
    return Buffer.concat(blocks).subarray(0, length);
  };
}

/** Whole numbers from 0 up to, not including, `below`; the same in every run (mulberry32). */
export function seededNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
