import { Option, type Command } from "commander";
import { AppError } from "../../lib/errors.ts";
import { selectKeys } from "../../lib/keys/select-keys.ts";
import { keyId } from "../../lib/keys/key.ts";
import type { KeyStore } from "../../lib/keys/key-store.ts";
import type { KeyEntry, Keyring } from "../../lib/keys/keyring.ts";
import type { EntryName } from "../../lib/keys/record.ts";
import { formatTime } from "../../lib/time.ts";
import { printable } from "../../lib/output/printable.ts";
import type { Format } from "../../lib/output/view.ts";
import { withExamples, type Cli } from "../cli.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { withNamedKey } from "./ask-key.ts";
import { historyData, keyData, type HistoryData, type KeyData } from "./key-data.ts";
import { loadHistory } from "./load-history.ts";
import { loadKeyring } from "./load-keyring.ts";
import { storeTime } from "./store-time.ts";

export function registerShow(keys: Command, cli: Cli, run = showKey): void {
  const command = keys
    .command("show")
    .summary("show one key and its history")
    .description("Show what is known of a key: whom it stands for, until when, and who made, rotated or revoked it.")
    .argument("[key-id]", "the key's id, as `mcpctl keys list` shows it; asked for on a terminal")
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["text", "json", "yaml", "name"]))
    .action(async (id: string | undefined, options: { output?: Format }) =>
      cli.show(await run(id ?? null, cli.ports), options.output ?? null),
    );
  withExamples(command, "mcpctl keys show k_9f86d081884c", "mcpctl keys show k_9f86d081884c -o json");
}

export async function showKey(
  named: string | null,
  ports: Pick<Ports, "ask" | "now" | "progress" | "store" | "tell">,
): Promise<Result> {
  const { id } = await withNamedKey("show", { id: named }, ports);
  if (id === null) throw new AppError("usage", "usage", "missing required argument 'key-id'", { hint: "See --help." });
  const store = await ports.store();
  const keyring = await loadKeyring(store, ports);
  const found = await findKeys(keyring, id, store);
  const { events, notes } = await loadHistory(store, found.flatMap(entryNames));
  const now = storeTime(ports, store);
  const keys = found.map((key) => ({
    ...keyData(key, now),
    predecessors: [...keyring.keys.values()].filter(({ next }) => next === id).map(({ keyId }) => keyId),
    history: events.filter(({ name }) => name.hash === key.hash).map(historyData),
  }));
  return {
    view: { data: keys, text: () => keys.map(describe).join("\n\n"), names: keys.map((key) => key.id) },
    notes: [
      ...(keys.length > 1 ? [`Warning: ${keys.length} keys share this id; somebody made them so.`] : []),
      ...notes,
    ],
  };
}

/** @throws AppError not-found, which tells of a key that was pruned. */
async function findKeys(keyring: Keyring, id: string, store: KeyStore): Promise<readonly KeyEntry[]> {
  try {
    return selectKeys(keyring, { id, role: null, user: null });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "key_not_found") throw error;
    const buried = (await store.tombstones()).find(({ hash }) => keyId(hash) === id);
    if (buried === undefined) throw error;
    throw new AppError(
      "not-found",
      "key_pruned",
      `${id} had ended, and was pruned at ${formatTime(buried.removedAt)}`,
      {
        hint: "It can never be used or imported again.",
      },
    );
  }
}

function entryNames({ hash, folders }: KeyEntry): readonly EntryName[] {
  return folders.flatMap((role) => (["record", "ends", "revoked"] as const).map((part) => ({ role, hash, part })));
}

interface ShownKey extends KeyData {
  /** Which keys it succeeded. */
  readonly predecessors: readonly string[];
  readonly history: readonly HistoryData[];
}

function describe(key: ShownKey): string {
  const lines = [
    ["Key", key.id],
    ["Hash", key.hash],
    ["Role", key.role ?? "-"],
    ["User", key.user ?? "-"],
    ["State", key.problem === null ? key.state : `${key.state}: ${key.problem}`],
    ["Expires", key.expires_at ?? "never"],
    ...(key.ends_at !== null && key.ends_at !== key.expires_at ? [["Ends", key.ends_at]] : []),
    ...key.predecessors.map((id) => ["Predecessor", id]),
    ...(key.next === null ? [] : [["Successor", key.next]]),
    ...(key.revoked_at === null ? [] : [["Revoked", key.revoked_at]]),
    ...key.overwritten.map((entry) => ["Overwritten", entry]),
    ...key.history.map((line) => ["History", formatHistory(line)]),
  ];
  return lines.map(([name, value]) => `${`${name}:`.padEnd(13)}${printable(value as string)}`).join("\n");
}

function formatHistory({ at, action, entry, by, author, reason }: HistoryData): string {
  const who = by ?? author ?? "somebody";
  return `${at ?? "-"} ${deed(action, entry)} by ${who}${reason === null ? "" : `: ${reason}`}`;
}

/** A rotation leaves its note on the old key's end and on the new key's record. */
function deed(action: string | null, entry: HistoryData["entry"]): string {
  if (entry === "ends") return "rotated";
  if (entry === "revoked") return "revoked";
  return action === "rotate" ? "made by rotation" : "created";
}
