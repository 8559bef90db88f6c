import { AppError } from "../../lib/errors.ts";
import { buildKeyring } from "../../lib/keys/followed-keyring.ts";
import { listSome } from "../../lib/list-some.ts";
import type { Keyring } from "../../lib/keys/keyring.ts";
import type { KeyStore, StoredEntry } from "../../lib/keys/key-store.ts";
import type { Ports } from "../ports.ts";

/**
 * Every key of the store, judged as a gateway would. Who may read no more than the folder of `role` gets that, and is
 * told so: what lies elsewhere and claims the role, or copies a hash, is then not seen.
 */
export async function loadKeyring(
  store: KeyStore,
  ports: Pick<Ports, "progress" | "tell">,
  role?: string,
): Promise<Keyring> {
  return buildKeyring(await loadEntries(store, ports, role));
}

/** The entries that {@link loadKeyring} judges. */
export async function loadEntries(
  store: KeyStore,
  { progress, tell }: Pick<Ports, "progress" | "tell">,
  role?: string,
): Promise<readonly StoredEntry[]> {
  const onProgress = (count: number): void => progress(`Read ${count} entries`);
  const onUnreadable = (labels: readonly string[]): void => tell(unreadable(labels));
  try {
    return await store.list({ onProgress, onUnreadable });
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== "forbidden") throw error;
    if (role === undefined) throw withFolderHint(error);
    const entries = await store.list({ role, onProgress, onUnreadable });
    tell(`Only the folder of role ${role} was read: ${error.message}`);
    return entries;
  } finally {
    progress(null);
  }
}

/** More names than anybody reads in one line. */
const MOST_NAMED = 5;

/** One such value stops External Secrets, and with it every later revocation: it must be told wherever it is met. */
function unreadable(labels: readonly string[]): string {
  return `Warning: ${listSome(labels, MOST_NAMED)} cannot be decrypted with these credentials. Where External Secrets cannot either, it carries no later revocation: delete it, or make its KMS key usable.`;
}

/** Whoever may read the folders of some roles only is told how to. */
function withFolderHint(error: AppError): AppError {
  const { kind, code, message, hint = "" } = error;
  const folders = "Who may read some roles only names one with --role.";
  return new AppError(kind, code, message, { hint: `${hint} ${folders}`.trim(), cause: error });
}

/** Key ids that more than one hash shares: somebody made them so. */
export function sharedIds(keyring: Keyring): ReadonlySet<string> {
  const seen = new Set<string>();
  const shared = new Set<string>();
  for (const { keyId } of keyring.keys.values()) {
    if (seen.has(keyId)) shared.add(keyId);
    seen.add(keyId);
  }
  return shared;
}
