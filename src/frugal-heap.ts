import { setFlagsFromString } from "node:v8";

/** No optimising compilers, whose work takes tens of megabytes, and no young generation that grows. */
const FLAGS = [
  "--no-sparkplug",
  "--no-maglev",
  "--no-opt",
  "--semi-space-growth-factor=1",
  "--optimize-for-size",
] as const;

/**
 * Keeps this process small, at the price of some speed: for commands that read thousands of pages and wait for the
 * network most of the time (docs/decisions/0009-frugal-heap.md).
 */
export function beFrugal(): void {
  for (const flag of FLAGS) setFlagsFromString(flag);
}
