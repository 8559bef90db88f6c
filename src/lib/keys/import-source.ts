import { parseKeysJson } from "./keys-json.ts";
import { parseKeyRecord, type EntryName } from "./record.ts";

/** An entry that somebody wants in the store. */
export interface ImportedEntry {
  /** Where it stands, for messages: `line 3`, or its name in a keys.json. */
  readonly place: string;
  readonly name: EntryName;
  readonly value: string;
}

export interface ImportProblem {
  readonly place: string;
  readonly message: string;
}

export interface ImportSource {
  readonly entries: readonly ImportedEntry[];
  readonly problems: readonly ImportProblem[];
}

const LINE = /^([0-9a-f]{64}):(.+)$/;

/**
 * What is to be imported: a keys.json, or lines of `hash:role/user` with an optional `?exp=TIME`; empty lines and those
 * that begin with # say nothing. What cannot be read is a problem, told with the others.
 * @throws AppError invalid for a text that begins like a keys.json and is none
 */
export function readImport(text: string, source: string): ImportSource {
  return /^\s*\{/.test(text) ? readObject(text, source) : readLines(text);
}

function readObject(text: string, source: string): ImportSource {
  const problems: ImportProblem[] = [];
  const entries = parseKeysJson(text, { source, allowsBareHashes: true }).flatMap(
    ({ label, name, value }): readonly ImportedEntry[] => {
      if (name !== null) return [{ place: label, name, value }];
      problems.push({ place: label, message: "is not the name of a key's entry" });
      return [];
    },
  );
  return { entries, problems };
}

function readLines(text: string): ImportSource {
  const problems: ImportProblem[] = [];
  const entries: ImportedEntry[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const place = `line ${index + 1}`;
    const [, hash = "", value = ""] = LINE.exec(line.trimEnd()) ?? [];
    const record = parseKeyRecord(value);
    // What stands there may be a key that somebody took for its hash: it is not repeated.
    if (record === null) problems.push({ place, message: "is not <64 hex characters of a hash>:role/user" });
    else entries.push({ place, name: { role: record.role, hash, part: "record" }, value });
  }
  return { entries, problems };
}
