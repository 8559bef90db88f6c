import { setTimeout } from "node:timers/promises";
import type { Parameter, ParameterMetadata } from "@aws-sdk/client-ssm";
import { type AwsPin, type AwsSessionDeps, openAwsSession } from "../aws/session.ts";
import { AppError } from "../errors.ts";
import type { CreateOutcome, EntryHistory, KeyStore, StoredEntry } from "../keys/key-store.ts";
import { type EntryName, formatEntryName, parseEntryName } from "../keys/record.ts";
import { patiently } from "./patience.ts";
import { checkSsmPath, checkSsmValue } from "./ssm-limits.ts";
import { formatNote, parseNote } from "./ssm-note.ts";
import { describeParametersBelow, getParameter, getParametersBelow, putParameter } from "./ssm-parameters.ts";

export interface SsmStoreOptions extends AwsPin {
  /** `/mcp-gateway/keys`: below it one folder per role. */
  readonly path: string;
  /** Key id, ARN or alias; AWS's own key for SSM without it. */
  readonly kmsKeyId?: string;
}

export interface SsmStoreDeps extends AwsSessionDeps {
  /** Waits for a read to catch up; a timer outside tests. */
  readonly pause?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

/**
 * Keys in AWS SSM Parameter Store, one SecureString per entry. Nothing is sent before the first method call.
 * @throws AppError invalid for a path that cannot hold entries
 */
export function openSsmStore(options: SsmStoreOptions, deps: SsmStoreDeps = {}): KeyStore {
  const { path } = options;
  checkSsmPath(path);
  const session = openAwsSession(pinOf(options), deps);
  const parameterName = (name: EntryName): string => `${path}/${formatEntryName(name, "/")}`;

  // Reading another account's path would answer "no such key" to a question about this one.
  const verifyPin = async (): Promise<void> => (options.account === undefined ? undefined : session.verify());

  const read = async (name: EntryName): Promise<StoredEntry | null> => {
    if (!isEntryName(name)) return null;
    await verifyPin();
    const parameter = await getParameter(session, parameterName(name));
    return parameter && toEntry(path, parameter);
  };

  const create = async (name: EntryName, value: string, description: string): Promise<CreateOutcome> => {
    if (!isEntryName(name)) throw notAnEntry(name);
    checkSsmValue(value);
    await session.verify();
    const made = { name: parameterName(name), value, description, kmsKeyId: options.kmsKeyId };
    const call = { action: "ssm:PutParameter", resource: made.name };
    const wait = deps.pause ?? ((ms, signal) => setTimeout(ms, undefined, { ...(signal && { signal }) }));
    const pause = (ms: number): Promise<void> => session.run(call, (_ssm, signal) => wait(ms, signal));
    const put = async (): Promise<"created" | "exists" | null> => {
      const outcome = await putParameter(session, made);
      return outcome === "busy" ? null : outcome;
    };
    const outcome = await patiently(put, pause);
    const entry = outcome && (await patiently(() => read(name), pause));
    if (outcome === "created") return proven(entry, value);
    if (entry) return { status: "exists", value: entry.value };
    throw notSettled(made.name, outcome);
  };

  return {
    get label() {
      return labelOf(path, session.known());
    },
    verify: () => session.verify(),
    read,
    create: (name, value, note) => create(name, value, formatNote(note)),
    list: async () => {
      await verifyPin();
      const parameters = await getParametersBelow(session, path);
      // A page may repeat a parameter that moved while it was read; its name is unique in the store.
      return [...new Map(parameters.map((parameter) => [parameter.Name, toEntry(path, parameter)])).values()];
    },
    uninterrupted: () => {
      const { signal: _signal, ...rest } = deps;
      return openSsmStore(options, rest);
    },
    history: async (hashes) => {
      if (hashes.size === 0) return [];
      await verifyPin();
      const parameters = await describeParametersBelow(session, path);
      return parameters.flatMap((parameter) => toHistory(path, parameter)).filter(({ name }) => hashes.has(name.hash));
    },
  };
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

function isEntryName(name: EntryName): boolean {
  return parseEntryName(formatEntryName(name, "/"), "/") !== null;
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

function toHistory(path: string, parameter: ParameterMetadata): readonly EntryHistory[] {
  const name = nameBelow(path, parameter.Name);
  if (name === null) return [];
  const at = parameter.LastModifiedDate?.getTime() ?? null;
  return [{ name, by: parameter.LastModifiedUser ?? null, at, note: parseNote(parameter.Description) }];
}

function nameBelow(path: string, name: string | undefined): EntryName | null {
  return name?.startsWith(`${path}/`) ? parseEntryName(name.slice(path.length + 1), "/") : null;
}

function notAnEntry(name: EntryName): AppError {
  const text = JSON.stringify(formatEntryName(name, "/").slice(0, 200));
  return new AppError("invalid", "entry_name_invalid", `${text} is not the name of a key's entry.`);
}

function notSettled(name: string, outcome: "exists" | null): AppError {
  const message = outcome
    ? `AWS says that ${name} exists, and does not show it yet.`
    : `AWS kept ${name} busy with somebody else's change.`;
  return new AppError("unavailable", outcome ? "ssm_read_stale" : "ssm_busy", message, {
    hint: "Repeat the command in a few seconds: it is safe to repeat.",
  });
}
