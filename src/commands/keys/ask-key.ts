import { AppError } from "../../lib/errors.ts";
import { isRevocable, keyState, type KeyEntry } from "../../lib/keys/keyring.ts";
import { choose, type Ask } from "../ask.ts";
import type { Ports } from "../ports.ts";
import { keyData } from "./key-data.ts";
import { keyLines } from "./key-lines.ts";
import { listedKey, sortKeys } from "./listed-key.ts";
import { loadKeyring } from "./load-keyring.ts";
import { storeTime } from "./store-time.ts";

/** Which keys can be meant by a verb that takes a key id? */
export const CANDIDATES = {
  show: () => true,
  rotate: (key, now) => keyState(key, now) === "active",
  revoke: isRevocable,
} as const satisfies Readonly<Record<string, (key: KeyEntry, now: number) => boolean>>;

export type KeyVerb = keyof typeof CANDIDATES;

/** Every way to say which keys are meant, and the flag that forbids questions. */
interface Naming {
  readonly id: string | null;
  readonly user?: string;
  readonly role?: string;
  readonly token?: string;
  readonly expiring?: string;
  readonly yes?: boolean;
}

type AskingPorts = Pick<Ports, "ask" | "now" | "progress" | "store" | "tell">;

/** The options as given, or with the id of a key that a person at a terminal chose where they name none. */
export async function withNamedKey<T extends Naming>(verb: KeyVerb, options: T, ports: AskingPorts): Promise<T> {
  const { id, user, role, token, expiring, yes } = options;
  const isNamed = id !== null || [user, role, token, expiring].some((given) => given !== undefined);
  if (isNamed || yes === true || ports.ask === null) return options;
  return { ...options, id: await askKeyId(verb, ports.ask, ports) };
}

/** @throws AppError not-found when no key can be meant, usage when none was chosen */
export async function askKeyId(verb: KeyVerb, ask: Ask, ports: AskingPorts): Promise<string> {
  const store = await ports.store();
  const keyring = await loadKeyring(store, ports);
  const now = storeTime(ports, store);
  const candidates = [...keyring.keys.values()].filter((key) => CANDIDATES[verb](key, now));
  const sorted = sortKeys(
    candidates.map((key) => listedKey(keyData(key, now), undefined, null)),
    null,
  );
  const keys = sorted.flatMap(({ hash }) => keyring.keys.get(hash) ?? []);
  if (keys.length === 0)
    throw new AppError("not-found", "key_not_found", `there is no key to ${verb} in ${store.label}`, {
      hint: "See them all with `mcpctl keys list`.",
    });
  const lines = keyLines(keys, now);
  return choose(ask, {
    title: `Keys in ${store.label}:`,
    question: `Key to ${verb} (number or id, or a part of user or role to look for): `,
    choices: keys.map(({ keyId }, index) => ({ value: keyId, line: (lines[index] ?? keyId).trim() })),
  });
}
