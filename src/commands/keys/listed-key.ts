import type { KeyState } from "../../lib/keys/keyring.ts";
import type { View } from "../../lib/output/view.ts";
import type { KeyData } from "./key-data.ts";
import type { Origin } from "./origins.ts";

/** A key in `keys list -o json` (schemas/output/keys-list.schema.json). */
export interface ListedKey extends KeyData, Origin {
  /** Whether the role file has its role; null when that is not known. */
  readonly role_known: boolean | null;
}

/** In the order of lists. */
export const STATES: readonly KeyState[] = ["active", "superseded", "expired", "revoked", "unusable"];

export const KEY_ORDERS = ["role", "user", "state", "ends", "created"] as const;
export type KeyOrder = (typeof KEY_ORDERS)[number];

const NO_ORIGIN: Origin = { created_at: null, created_by: null, reason: null };

export function listedKey(key: KeyData, origin: Origin = NO_ORIGIN, roles: ReadonlySet<string> | null): ListedKey {
  return Object.assign(key, origin, {
    role_known: roles === null || key.role === null ? null : roles.has(key.role),
  });
}

/** Live: a gateway accepts it, or would but for a role that is gone. */
export function isLive({ state }: { readonly state: string }): boolean {
  return state === "active" || state === "superseded";
}

/** By the column asked for, then state, role, user and hash; what has no end or no known date comes last. */
export function sortKeys(keys: readonly ListedKey[], order: KeyOrder | null): readonly ListedKey[] {
  const places = new Map(keys.map((key) => [key, placeOf(key, order)]));
  const place = (key: ListedKey): string => places.get(key) as string;
  return keys.toSorted((a, b) => (place(a) < place(b) ? -1 : 1));
}

/** One text for each key, made once: the columns, with what stands before every other character between them. */
function placeOf(key: ListedKey, order: KeyOrder | null): string {
  const rest = [String(STATES.indexOf(key.state)), key.role ?? "", key.user ?? "", key.hash];
  return (order === null ? rest : [columnOf(key, order), ...rest]).join("\u0000");
}

/** Behind every date. */
const LAST = "~";

function columnOf(key: ListedKey, order: KeyOrder): string {
  if (order === "state") return String(STATES.indexOf(key.state));
  if (order === "ends") return key.revoked_at ?? key.ends_at ?? LAST;
  return (order === "created" ? key.created_at : key[order]) ?? LAST;
}

export function listView(keys: readonly ListedKey[], foreign: readonly string[]): View {
  return {
    data: [...keys, ...foreign.map((label) => ({ id: null, label, state: "unusable", problem: "it is no key entry" }))],
    table: {
      columns: ["KEY", "ROLE", "USER", "STATE", "ENDS", "CREATED BY", "REASON", "REMARK"],
      rows: rowsOf(keys, foreign),
    },
    names: keys.map(({ id }) => id),
  };
}

function* rowsOf(keys: readonly ListedKey[], foreign: readonly string[]): Iterable<readonly string[]> {
  for (const key of keys) yield rowOf(key);
  for (const label of foreign) yield ["-", "-", "-", "unusable", "-", "-", "", `${label} is no key entry`];
}

function rowOf(key: ListedKey): readonly string[] {
  return [
    key.id,
    key.role ?? "-",
    key.user ?? "-",
    key.state,
    key.revoked_at ?? key.ends_at ?? "never",
    key.created_by === null ? "-" : shortIdentity(key.created_by),
    key.reason ?? "",
    remark(key),
  ];
}

/** `oncall/alice` of `arn:aws:sts::111122223333:assumed-role/oncall/alice`. */
function shortIdentity(identity: string): string {
  return identity.replace(/^arn:[^:]*:(?:iam|sts)::\d*:(?:assumed-role|user|role)\//, "");
}

function remark(key: ListedKey): string {
  const parts = [
    key.problem,
    key.next === null ? null : `succeeded by ${key.next}`,
    key.overwritten.length > 0 ? "overwritten by somebody" : null,
    key.role_known === false && isLive(key) ? "its role is gone" : null,
  ];
  return parts.filter((part) => part !== null).join("; ");
}
