import type { Issuer } from "../../lib/keys/issue-key.ts";
import type { KeyStore } from "../../lib/keys/key-store.ts";
import type { Ports } from "../ports.ts";
import { storeTime } from "./store-time.ts";

/** Runs `work` with what it takes to make keys; its journal is closed afterwards, whatever came of it. */
export async function withIssuer<T>(
  ports: Pick<Ports, "journals" | "now" | "randomBytes" | "signal">,
  store: KeyStore,
  work: (issuer: Issuer) => Promise<T>,
): Promise<T> {
  const journal = (await ports.journals()).own();
  try {
    const { randomBytes, signal } = ports;
    return await work({ store, journal, randomBytes, signal, now: () => storeTime(ports, store) });
  } finally {
    await journal.close();
  }
}
