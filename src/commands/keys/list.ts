import { Option, type Command } from "commander";
import { buildKeyring } from "../../lib/keys/followed-keyring.ts";
import { isExpiring } from "../../lib/keys/key-filter.ts";
import type { KeyState } from "../../lib/keys/keyring.ts";
import type { KeyStore } from "../../lib/keys/key-store.ts";
import { isSelected } from "../../lib/keys/select-keys.ts";
import type { Format } from "../../lib/output/view.ts";
import { withExamples, type Cli } from "../cli.ts";
import { readDuration } from "../duration.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { keyData } from "./key-data.ts";
import { listWarnings } from "./list-warnings.ts";
import { KEY_ORDERS, listedKey, listView, sortKeys, STATES, type KeyOrder, type ListedKey } from "./listed-key.ts";
import { loadHistory } from "./load-history.ts";
import { loadEntries } from "./load-keyring.ts";
import { findOrigins } from "./origins.ts";
import { undeliveredNotes } from "./recover.ts";
import { loadRoleNames } from "./role-names.ts";
import { clockNote, storeTime } from "./store-time.ts";

export interface ListOptions {
  readonly role?: string;
  readonly user?: string;
  readonly state?: KeyState;
  readonly olderThan?: string;
  readonly expiring?: string;
  readonly sort?: KeyOrder;
}

export function registerList(keys: Command, cli: Cli, run = listKeys): void {
  const command = keys
    .command("list")
    .summary("list keys and what is wrong with them")
    .description("List every key of the store with its state, and whatever lies there that is no key.")
    .option("--role <role>", "only keys of this role")
    .option("--user <user>", "only keys of this user")
    .addOption(new Option("--state <state>", "only keys in this state").choices(STATES))
    .option("--older-than <age>", "only keys that were made longer ago, e.g. 90d")
    .option("--expiring <span>", "only active keys that end within this time, e.g. 14d; exit code 1 when there are any")
    .addOption(new Option("--sort <column>", "in this order (default: state, role, user)").choices(KEY_ORDERS))
    .addOption(
      new Option("-o, --output <form>", "form of the output").choices(["table", "json", "yaml", "name", "csv"]),
    )
    .action(async (options: ListOptions & { output?: Format }) =>
      cli.show(await run(options, cli.ports), options.output ?? null),
    )
    .addHelpText("after", "\nExit codes: 0 listed, 1 keys are about to expire, and --expiring asked.");
  withExamples(command, "mcpctl keys list --role dev-readonly", "mcpctl keys list --expiring 14d -o name");
}

export async function listKeys(
  options: ListOptions,
  ports: Pick<Ports, "config" | "holdsToken" | "journals" | "label" | "now" | "progress" | "store" | "tell">,
): Promise<Result> {
  const started = performance.now();
  const { role, user, state } = options;
  const olderSeconds = options.olderThan === undefined ? null : readDuration("--older-than", options.olderThan, 1);
  const expiringSeconds = options.expiring === undefined ? null : readDuration("--expiring", options.expiring, 1);
  const store = await ports.store();
  const [{ keyring, origins, entries, notes }, roles] = await Promise.all([
    readStore(store, ports, role),
    loadRoleNames(ports),
  ]);
  const now = storeTime(ports, store);
  const found = [...keyring.keys.values()]
    .filter((key) => isSelected(key, { id: null, role: role ?? null, user: user ?? null }))
    .filter((key) => expiringSeconds === null || isExpiring(key, now, expiringSeconds))
    .map((key) => listedKey(keyData(key, now), origins.get(key.hash), roles.names))
    .filter((key) => state === undefined || key.state === state)
    .filter((key) => olderSeconds === null || isOlder(key, now - olderSeconds * 1000));
  const keys = sortKeys(found, options.sort ?? null);
  const isForeignWanted =
    [role, user, olderSeconds ?? undefined, expiringSeconds ?? undefined].every((filter) => filter === undefined) &&
    (state === undefined || state === "unusable");
  return {
    view: listView(keys, isForeignWanted ? keyring.foreign.map(({ label }) => label) : []),
    notes: [
      ...(keyring.keys.size === 0
        ? [`No keys in ${store.label}.`]
        : keys.length === 0
          ? [`None of the ${keyring.keys.size} keys in ${store.label} match.`]
          : []),
      ...listWarnings(keyring, keys),
      ...(await undeliveredNotes(ports)),
      ...notes,
      ...(keyring.keys.size === 0 ? [] : roles.notes),
      ...clockNote(store),
      ...trafficNote(store, entries, performance.now() - started),
    ],
    ...(expiringSeconds !== null && keys.length > 0 ? { exit: 1 as const } : {}),
  };
}

/** What a list is made of. The entries themselves, and their history, are let go of: there may be very many. */
async function readStore(store: KeyStore, ports: Pick<Ports, "progress" | "tell">, role: string | undefined) {
  const [entries, history] = await Promise.all([loadEntries(store, ports, role), loadHistory(store, null)]);
  return {
    keyring: buildKeyring(entries),
    origins: findOrigins(entries, history.events),
    entries: entries.length,
    notes: history.notes,
  };
}

/** A key whose making nobody knows is not left out: it may be the oldest of all. */
function isOlder({ created_at: createdAt }: ListedKey, time: number): boolean {
  return createdAt === null || Date.parse(createdAt) < time;
}

function trafficNote({ calls, label }: KeyStore, entries: number, elapsedMs: number): readonly string[] {
  if (calls === null) return [];
  return [`Read ${entries} entries of ${label} with ${calls} calls in ${(elapsedMs / 1000).toFixed(1)} s.`];
}
