import type { KeyStore } from "../../lib/keys/key-store.ts";
import type { Ports } from "../ports.ts";

/** The time by the store's clock, which all its readers share, as far as the store has told it. */
export function storeTime(ports: Pick<Ports, "now">, store: Pick<KeyStore, "clockOffsetMs">): number {
  return ports.now() + store.clockOffsetMs;
}

/** What to say when this machine's clock is off; nothing when it is right. */
export function clockNote({ clockOffsetMs }: Pick<KeyStore, "clockOffsetMs">): readonly string[] {
  if (clockOffsetMs === 0) return [];
  const seconds = Math.abs(clockOffsetMs) / 1000;
  const direction = clockOffsetMs > 0 ? "behind" : "ahead of";
  return [`This machine's clock is ${seconds} s ${direction} AWS's; the times of keys follow AWS's.`];
}
