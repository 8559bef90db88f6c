import type { StoreConfig } from "../../lib/config/config.ts";
import type { Ports } from "../ports.ts";

/** What a context's store is, for people; nothing is opened for it. */
export function storeWords(store: StoreConfig, label: Ports["label"]): string {
  return store.type === "file"
    ? `file ${label(store.path)}`
    : `ssm ${store.path} (${store.region}, account ${store.account})`;
}
