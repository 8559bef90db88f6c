import { hash } from "node:crypto";
import { AppError } from "../errors.ts";
import type { StoredEntry } from "../keys/key-store.ts";
import { KEYS_JSON_KEY, parseKeysJson } from "../keys/keys-json.ts";
import { formatEntryName } from "../keys/record.ts";
import type { KubeApi } from "./kube-api.ts";
import { dataOf, type SecretObject } from "./objects.ts";

/** A Secret with keys, as it stands. */
export interface KeySecret {
  readonly name: string;
  readonly resourceVersion: string;
  /** Of the bytes of keys.json, hex: what a gateway tells of what it read. */
  readonly sha256: string;
  readonly bytes: number;
  readonly entries: readonly StoredEntry[];
  /** The operator's last read, as `synced` says; null where it says nothing. */
  readonly synced: string | null;
}

/** @throws AppError not-found, invalid for a Secret without a readable keys.json, and as the API refuses */
export async function readKeySecret(api: KubeApi, namespace: string, name: string): Promise<KeySecret> {
  const secret = await api.send<SecretObject>({ verb: "get", resource: "secrets", namespace, name });
  const bytes = dataOf({ ...secret, kind: "Secret" }, KEYS_JSON_KEY);
  const label = `Secret ${namespace}/${name}`;
  if (bytes === null)
    throw new AppError("invalid", "keys_json_missing", `${label} has no ${KEYS_JSON_KEY}`, {
      hint: "Its ExternalSecret renders something else; `mcpctl sync` says what.",
    });
  return {
    name,
    resourceVersion: secret.metadata?.resourceVersion ?? "",
    sha256: hash("sha256", bytes),
    bytes: bytes.length,
    entries: parseKeysJson(bytes.toString(), { source: label, allowsBareHashes: false }),
    synced: dataOf({ ...secret, kind: "Secret" }, "synced")?.toString() ?? null,
  };
}

/** Where the Secrets say something else than the store, by the names of keys.json. */
export interface Drift {
  /** In the store and in no Secret. */
  readonly missing: readonly string[];
  /** In a Secret and not in the store: a key that lives on, or a revocation that the store lost. */
  readonly extra: readonly string[];
  /** In both, with other values. */
  readonly different: readonly string[];
}

/** What the Secrets hold together, compared with the entries of the store; what is no entry of ours counts for nothing. */
export function compareWithStore(store: readonly StoredEntry[], secrets: readonly StoredEntry[]): Drift {
  const wanted = valuesOf(store.filter(({ name }) => name !== null));
  const found = valuesOf(secrets);
  const names = [...wanted.keys()];
  return {
    missing: names.filter((name) => !found.has(name)),
    extra: [...found.keys()].filter((name) => !wanted.has(name)),
    different: names.filter((name) => found.has(name) && found.get(name) !== wanted.get(name)),
  };
}

export function hasDrift({ missing, extra, different }: Drift): boolean {
  return missing.length + extra.length + different.length > 0;
}

function valuesOf(entries: readonly StoredEntry[]): ReadonlyMap<string, string> {
  return new Map(
    entries.flatMap(({ name, label, value }) => [[name === null ? label : formatEntryName(name, "."), value] as const]),
  );
}
