import type { Kind } from "./calls.ts";

/** One load under which all arms are compared. */
export interface Cell {
  readonly name: string;
  readonly concurrency: number;
  /** In turn. */
  readonly kinds: readonly Kind[];
  readonly bytes: number;
  readonly hasOneKey: boolean;
  readonly rounds: number;
  /** Of each arm in each round. */
  readonly calls: number;
}

const KIB = 1024;

export const BASE: Cell = {
  name: "base: 16 at a time, JSON, 1 KiB, 10,000 keys",
  concurrency: 16,
  kinds: ["call"],
  bytes: KIB,
  hasOneKey: false,
  rounds: 9,
  calls: 12_000,
};

const VARIED: Cell = { ...BASE, rounds: 5, calls: 6_000 };

/** Four of ten are refused: two for their backend (403), two for their tool (200, -32602). */
const MIXED: readonly Kind[] = [
  "call",
  "backend-denied",
  "call",
  "tool-denied",
  "call",
  "call",
  "backend-denied",
  "call",
  "tool-denied",
  "call",
];

/** The base with one thing changed at a time. */
export const VARIATIONS: readonly Cell[] = [
  { ...VARIED, name: "1 at a time", concurrency: 1, calls: 2_000 },
  { ...VARIED, name: "256 at a time", concurrency: 256 },
  { ...VARIED, name: "answers as events", kinds: ["stream"] },
  { ...VARIED, name: "results of 16 KiB", bytes: 16 * KIB },
  { ...VARIED, name: "40 % denied", kinds: MIXED },
  { ...VARIED, name: "1 key", hasOneKey: true },
];
