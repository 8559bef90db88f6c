import { parseJson } from "../json/parse-json.ts";
import { AppError } from "../errors.ts";
import { validate as isKeysJson } from "../../generated/keys-json.js";
import type { StoredEntry } from "./key-store.ts";
import { isKeyHash, parseEntryName, parseKeyRecord } from "./record.ts";

/** Its name in a Secret. */
export const KEYS_JSON_KEY = "keys.json";

export interface KeysJsonOptions {
  /** For messages: the file's path, or the Secret's name. */
  readonly source: string;
  /** Whether `{"<key hash>": "role/user"}`, which no folder vouches for, is taken. */
  readonly allowsBareHashes: boolean;
}

/**
 * Which entries does this keys.json hold? One object of strings; each member is judged later and alone.
 * @throws AppError invalid when it is not such an object, or has a name twice.
 */
export function parseKeysJson(text: string, options: KeysJsonOptions): readonly StoredEntry[] {
  const reading = parseJson(text);
  if (!reading.ok) throw unreadable(options.source, reading.detail);
  if (!isKeysJson(reading.value)) throw unreadable(options.source, "not one object whose values are all strings");
  return Object.entries(reading.value as Record<string, string>).map(([label, value]) =>
    storedEntry(label, value, options),
  );
}

/** Which entry is this member of a keys.json? */
export function storedEntry(
  label: string,
  value: string,
  { allowsBareHashes }: Pick<KeysJsonOptions, "allowsBareHashes">,
): StoredEntry {
  const name = parseEntryName(label, ".") ?? (allowsBareHashes ? bareName(label, value) : null);
  return { label, name, value, version: null, changedAt: null };
}

/** A record without a folder is taken at its own word for the role. */
function bareName(label: string, value: string): StoredEntry["name"] {
  const record = isKeyHash(label) ? parseKeyRecord(value) : null;
  return record === null ? null : { role: record.role, hash: label, part: "record" };
}

function unreadable(source: string, detail: string): AppError {
  return new AppError("invalid", "keys_json_unreadable", `${source} is not a keys.json: ${detail}`, {
    hint: "Restore it from a backup; a keys.json is one JSON object of strings, see schemas/keys-json.schema.json.",
  });
}
