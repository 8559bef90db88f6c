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
  return { ...key, ...origin, role_known: roles === null || key.role === null ? null : roles.has(key.role) };
}

/** Live: a gateway accepts it, or would but for a role that is gone. */
export function isLive({ state }: KeyData): boolean {
  return state === "active" || state === "superseded";
}

/** By the column asked for, then state, role, user and id; what has no end or no known date comes last. */
export function compareKeys(order: KeyOrder | null): (a: ListedKey, b: ListedKey) => number {
  const columns = (key: ListedKey): readonly string[] => {
    const rest = [String(STATES.indexOf(key.state)), key.role ?? "", key.user ?? "", key.id, key.hash];
    return order === null ? rest : [columnOf(key, order), ...rest];
  };
  return (a, b) => {
    const others = columns(b);
    for (const [index, value] of columns(a).entries()) {
      const other = others[index] as string;
      if (value !== other) return value < other ? -1 : 1;
    }
    return 0;
  };
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
      rows: [
        ...keys.map(rowOf),
        ...foreign.map((label) => ["-", "-", "-", "unusable", "-", "-", "", `${label} is no key entry`]),
      ],
    },
    names: keys.map(({ id }) => id),
  };
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
