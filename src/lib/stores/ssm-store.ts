import type { Parameter, ParameterMetadata } from "@aws-sdk/client-ssm";
import type { AwsPin, AwsSessionDeps } from "../aws/session.ts";
import { openSsmSession, type SsmSession } from "../aws/ssm-session.ts";
import { ACCESS_DENIED, KEY_UNUSABLE } from "../aws/error-table.ts";
import { AppError } from "../errors.ts";
import type { CreateOutcome, EntryHistory, KeyStore, NewEntry, StoredEntry } from "../keys/key-store.ts";
import { type EntryName, formatEntryName, isEntryName, parseEntryName } from "../keys/record.ts";
import { patiently } from "./patience.ts";
import { checkSsmPath, checkSsmValue } from "./ssm-limits.ts";
import { formatNote, parseNote } from "./ssm-note.ts";
import {
  deleteParameters,
  describeParameters,
  getParameters,
  getParametersBelow,
  type NewParameter,
  putParameter,
} from "./ssm-parameters.ts";
import { prunedPath, tombstoneParameters } from "./ssm-tombstones.ts";
import { parseTombstones } from "../keys/tombstone.ts";

export interface SsmStoreOptions extends AwsPin {
  /** `/mcp-gateway/keys`: below it one folder per role. */
  readonly path: string;
  /** Key id, ARN or alias; AWS's own key for SSM without it. */
  readonly kmsKeyId?: string;
}

export type SsmStoreDeps = AwsSessionDeps;

/** AWS's most names in one filter of DescribeParameters. */
const MAX_DESCRIBED_NAMES = 50;

type Put = "created" | "exists";

/**
 * Keys in AWS SSM Parameter Store, one SecureString per entry. Nothing is sent before the first method call.
 * @throws AppError invalid for a path that cannot hold entries
 */
export function openSsmStore(options: SsmStoreOptions, deps: SsmStoreDeps = {}): KeyStore {
  const { path } = options;
  checkSsmPath(path);
  const session = openSsmSession(pinOf(options), deps);
  const parameterName = (name: EntryName): string => `${path}/${formatEntryName(name, "/")}`;
  const pauseFor = (action: string, resource: string) => (ms: number) => session.pause({ action, resource }, ms);

  // Reading another account's path would answer "no such key" to a question about this one.
  const verifyPin = async (): Promise<void> => (options.account === undefined ? undefined : session.verify());

  const readNames = async (labels: readonly string[]): Promise<ReadonlyMap<string, StoredEntry>> => {
    const found = labels.length === 0 ? [] : await getParameters(session, labels);
    return new Map(found.map((parameter) => [parameter.Name ?? "", toEntry(path, parameter)]));
  };

  const read: KeyStore["read"] = async (names, { isPatient } = { isPatient: false }) => {
    const labels = names.filter(isEntryName).map(parameterName);
    if (labels.length > 0) await verifyPin();
    const found = await (isPatient ? readBack(labels) : readNames(labels));
    return names.map((name) => found.get(parameterName(name)) ?? null);
  };

  const put = async (parameter: NewParameter): Promise<Put> => {
    const attempt = async (): Promise<Put | null> => {
      const outcome = await putParameter(session, parameter);
      return outcome === "busy" ? null : outcome;
    };
    const outcome = await patiently(attempt, pauseFor("ssm:PutParameter", parameter.name));
    if (outcome === null) throw notSettled(parameter.name, "busy");
    return outcome;
  };

  /** Reads back until all are there, ten at a time; what is missing in the end is not in the map. */
  const readBack = async (labels: readonly string[]): Promise<ReadonlyMap<string, StoredEntry>> => {
    const found = new Map<string, StoredEntry>();
    const attempt = async (): Promise<true | null> => {
      const missing = labels.filter((label) => !found.has(label));
      for (const [label, entry] of await readNames(missing)) found.set(label, entry);
      return found.size === labels.length ? true : null;
    };
    if (labels.length > 0) await patiently(attempt, pauseFor("ssm:GetParameters", labels[0] as string));
    return found;
  };

  const create = async (entries: readonly NewEntry[]): Promise<readonly CreateOutcome[]> => {
    for (const { name, value } of entries) {
      if (!isEntryName(name)) throw notAnEntry(name);
      checkSsmValue(value);
    }
    await session.verify();
    const puts: Put[] = [];
    for (const { name, value, note } of entries) {
      const parameter = { name: parameterName(name), value, description: formatNote(note), kmsKeyId: options.kmsKeyId };
      puts.push(await put(parameter));
    }
    const found = await readBack([...new Set(entries.map(({ name }) => parameterName(name)))]);
    return entries.map(({ name, value }, index) => {
      const label = parameterName(name);
      const entry = found.get(label) ?? null;
      if (puts[index] === "created") return proven(entry, value);
      if (entry === null) throw notSettled(label, "exists");
      return { status: "exists", value: entry.value };
    });
  };

  return {
    get label() {
      return labelOf(path, session.known());
    },
    get calls() {
      return session.calls();
    },
    get clockOffsetMs() {
      return session.clockOffsetMs();
    },
    verify: () => session.verify(),
    read,
    create,
    list: async ({ role, onProgress, onUnreadable } = {}) => {
      await verifyPin();
      // A page may repeat a parameter that moved while it was read; its name is unique in the store.
      const entries = new Map<string, StoredEntry>();
      const below = role === undefined ? path : `${path}/${role}`;
      const read = (page: readonly Parameter[]): readonly never[] => {
        for (const parameter of page) entries.set(parameter.Name ?? "", toEntry(path, parameter));
        onProgress?.(entries.size);
        return [];
      };
      try {
        await getParametersBelow(session, below, read);
      } catch (error) {
        if (!isUndecryptable(error)) throw error;
        const unreadable = await readOneByOne(session, below, read, error);
        for (const label of unreadable) read([{ Name: label, Value: "" }]);
        onUnreadable?.(unreadable);
      }
      return [...entries.values()];
    },
    remove: async (names) => {
      const labels = names.filter(isEntryName).map(parameterName);
      await session.verify();
      await deleteParameters(session, labels);
      let left: readonly string[] = labels;
      const attempt = async (): Promise<true | null> => {
        left = [...(await readNames(left)).keys()];
        return left.length === 0 ? true : null;
      };
      await patiently(attempt, pauseFor("ssm:GetParameters", labels[0] ?? path));
      return names.filter((name) => left.includes(parameterName(name)));
    },
    uninterrupted: () => {
      const { signal: _signal, ...rest } = deps;
      return openSsmStore(options, rest);
    },
    history: async (names) => {
      if (names?.length === 0) return [];
      await verifyPin();
      const same = sameText();
      const toHistories = (page: readonly ParameterMetadata[]): readonly EntryHistory[] =>
        page.flatMap((parameter) => toHistory(path, parameter, same));
      if (names === null) return describeParameters(session, { path }, toHistories);
      const labels = names.map(parameterName);
      const histories: EntryHistory[] = [];
      for (let at = 0; at < labels.length; at += MAX_DESCRIBED_NAMES)
        histories.push(
          ...(await describeParameters(session, { names: labels.slice(at, at + MAX_DESCRIBED_NAMES) }, toHistories)),
        );
      return histories;
    },
    bury: async (tombstones) => {
      await session.verify();
      for (const parameter of tombstoneParameters(path, tombstones, options.kmsKeyId)) {
        await put(parameter);
        const found = await readBack([parameter.name]);
        if (found.get(parameter.name)?.value !== parameter.value) throw notSettled(parameter.name, "exists");
      }
    },
    tombstones: async () => {
      await verifyPin();
      return getParametersBelow(session, prunedPath(path), (page) =>
        page.flatMap(({ Name, Value }) => parseTombstones(Value ?? "", Name ?? "")),
      );
    },
  };
}

/** One value that cannot be decrypted fails the whole page that it stands on. */
function isUndecryptable(error: unknown): boolean {
  return error instanceof AppError && (error.code === KEY_UNUSABLE.code || error.code === ACCESS_DENIED.code);
}

/** Reads what can be decrypted, and gives the names of what cannot. @throws `cause` where not even names may be read */
async function readOneByOne(
  session: SsmSession,
  below: string,
  read: (page: readonly Parameter[]) => readonly never[],
  cause: unknown,
): Promise<readonly string[]> {
  const names = await getParametersBelow(
    session,
    below,
    (page) => page.flatMap(({ Name }) => (Name === undefined ? [] : [Name])),
    false,
  ).catch(() => {
    throw cause;
  });
  const unreadable: string[] = [];
  const readSome = async (some: readonly string[]): Promise<void> => {
    try {
      read(await getParameters(session, some));
    } catch (error) {
      if (!isUndecryptable(error)) throw error;
      if (some.length === 1) unreadable.push(...some);
      else for (const name of some) await readSome([name]);
    }
  };
  for (let at = 0; at < names.length; at += 10) await readSome(names.slice(at, at + 10));
  // Whoever can decrypt nothing lacks a right; no parameter is to blame.
  if (unreadable.length === names.length) throw cause;
  return unreadable;
}

/** What reading back a fresh parameter says of it; another value there was written by somebody else in between. */
function proven(entry: StoredEntry | null, value: string): CreateOutcome {
  if (entry === null) return { status: "unproven" };
  return entry.value === value ? { status: "created" } : { status: "exists", value: entry.value };
}

function pinOf({ region, account }: AwsPin): AwsPin {
  return { ...(region === undefined ? {} : { region }), ...(account === undefined ? {} : { account }) };
}

function labelOf(path: string, { region, account }: AwsPin): string {
  const known = [region, account && `account ${account}`].filter(Boolean).join(", ");
  return known ? `ssm ${path} (${known})` : `ssm ${path}`;
}

function toEntry(path: string, parameter: Parameter): StoredEntry {
  return {
    label: parameter.Name ?? "",
    name: nameBelow(path, parameter.Name),
    value: parameter.Value ?? "",
    version: parameter.Version ?? null,
    changedAt: parameter.LastModifiedDate?.getTime() ?? null,
  };
}

function toHistory(
  path: string,
  parameter: ParameterMetadata,
  same: (text: string) => string,
): readonly EntryHistory[] {
  const name = nameBelow(path, parameter.Name);
  if (name === null) return [];
  const { Description, LastModifiedDate, LastModifiedUser } = parameter;
  const by = LastModifiedUser === undefined ? null : same(LastModifiedUser);
  const note = Description === undefined ? null : parseNote(same(Description));
  return [{ name, by, at: LastModifiedDate?.getTime() ?? null, note }];
}

/** One copy of each text, however often it is read: of thousands of keys, most were made by a few. */
function sameText(): (text: string) => string {
  const known = new Map<string, string>();
  return (text) => {
    const there = known.get(text);
    if (there === undefined) known.set(text, text);
    return there ?? text;
  };
}

function nameBelow(path: string, name: string | undefined): EntryName | null {
  return name?.startsWith(`${path}/`) ? parseEntryName(name.slice(path.length + 1), "/") : null;
}

function notAnEntry(name: EntryName): AppError {
  const text = JSON.stringify(formatEntryName(name, "/").slice(0, 200));
  return new AppError("invalid", "entry_name_invalid", `${text} is not the name of a key's entry.`);
}

function notSettled(name: string, outcome: "exists" | "busy"): AppError {
  const message =
    outcome === "exists"
      ? `AWS says that ${name} exists, and does not show it yet.`
      : `AWS kept ${name} busy with somebody else's change.`;
  return new AppError("unavailable", outcome === "exists" ? "ssm_read_stale" : "ssm_busy", message, {
    hint: "Repeat the command in a few seconds: it is safe to repeat.",
  });
}
