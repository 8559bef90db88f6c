import type { Context } from "../../lib/config/config.ts";

/** The store of a context as far as it is known without asking it. */
export function storeLabel({ store }: Context): string {
  return store.type === "file" ? `file ${store.path}` : `ssm ${store.path} (${store.region}, account ${store.account})`;
}

/** Where something was changed, for people. */
export function where(context: Context): string {
  const cluster = context.kubernetes === null ? "" : `, cluster ${context.kubernetes.cluster}`;
  return `Context ${context.name}: ${storeLabel(context)}${cluster}.`;
}
