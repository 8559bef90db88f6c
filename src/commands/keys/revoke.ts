import { Option, type Command } from "commander";
import { currentContext } from "../../lib/config/config.ts";
import { AppError, clause, EXIT_BY_KIND } from "../../lib/errors.ts";
import type { KeyStore } from "../../lib/keys/key-store.ts";
import { isRevocable, type KeyEntry, type Keyring } from "../../lib/keys/keyring.ts";
import { revokeKeys, type Revocation } from "../../lib/keys/revoke-keys.ts";
import { isSelected, selectKeys, type KeySelector } from "../../lib/keys/select-keys.ts";
import { keyId } from "../../lib/keys/key.ts";
import { formatTime } from "../../lib/time.ts";
import type { Format, View } from "../../lib/output/view.ts";
import { withExamples, type Cli } from "../cli.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { withNamedKey } from "./ask-key.ts";
import { keyData } from "./key-data.ts";
import { loadKeyring } from "./load-keyring.ts";
import { keyLines } from "./key-lines.ts";
import { entryNote } from "./entry-note.ts";
import { clockNote, storeTime } from "./store-time.ts";
import { askToken, hashOfToken } from "./token-input.ts";
import { revocationChange } from "../../lib/cluster/revocation-change.ts";
import { addWaitOptions, receipt, withProof } from "./propagation.ts";
import { revocationData, type RevokeOptions } from "./revocation.ts";

export function registerRevoke(keys: Command, cli: Cli, run = revoke): void {
  const command = keys
    .command("revoke")
    .summary("end keys for good")
    .description("Revoke a key, or every key of a user or role. It cannot be undone; repeating it is harmless.")
    .argument("[key-id]", "the key's id, asked for on a terminal; every key that shares it is revoked")
    .option("--token <->", "with -: the key of the leaked token on standard input, or asked for without showing it")
    .option("--user <user>", "every key of this user")
    .option("--role <role>", "every key of this role (with --user: of that user in this role)")
    .option("--reason <text>", "why, for the record")
    .option("-y, --yes", "do not ask")
    .option("--dry-run", "show what would be revoked and change nothing")
    .option(
      "--break-glass",
      "lock first, so that gateways refuse at once and cut streams, then revoke, then prove it; a receipt tells how fast",
    )
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["table", "json", "yaml", "name"]));
  addWaitOptions(command).action(
    async (id: string | undefined, options: Omit<RevokeOptions, "id"> & { output?: Format }) =>
      cli.show(await run({ ...options, id: id ?? null }, cli.ports), options.output ?? null),
  );
  withExamples(
    command,
    'mcpctl keys revoke k_9f86d081884c --reason "token pasted into a ticket"',
    "mcpctl keys revoke --user incident-agent-01 --break-glass --yes",
  );
}

export async function revoke(given: RevokeOptions, ports: Ports): Promise<Result> {
  if (given.breakGlass === true) {
    const { breakGlass } = await import("./break-glass.ts");
    return breakGlass(given, await leakedHash(given, ports), ports);
  }
  const options = await withNamedKey("revoke", given, ports);
  const context = currentContext(await ports.config());
  const store = await ports.store();
  const hash = await leakedHash(options, ports);
  const keyring = await loadKeyring(store, ports, options.role);
  const keys = hash === null ? selectKeys(keyring, selectorOf(options)) : [requireHash(keyring, hash, store)];
  const live = keys.filter(isRevocable);
  const now = storeTime(ports, store);
  const lines = keyLines(keys, now);
  if (options.dryRun === true) {
    const data = keys.map((key) => ({
      ...keyData(key, now),
      result: isRevocable(key) ? "would_revoke" : "already_revoked",
    }));
    return {
      view: viewOf(data),
      notes: [
        `Dry run: ${live.length} of ${keys.length} keys in ${store.label} would be revoked; nothing was changed.`,
      ],
    };
  }
  if (live.length > 0 && options.yes !== true) {
    await ports.confirm([receipt(context, store), ...lines], `Revoke ${count(live.length)} for good?`);
  }
  await store.verify();
  const at = storeTime(ports, store);
  const note = entryNote(ports, at, "revoke", options.reason);
  const onProgress = (count: number): void => ports.progress(`Revoked ${count} of ${keys.length} keys`);
  const done = await revokeKeys(store, keys, { at, note, onProgress });
  ports.progress(null);
  const result = await withMissed(answer(done, [receipt(context, store), ...clockNote(store)]), () =>
    missed(store, keyring, options, ports),
  );
  // Repeating the command proves it anew: what was revoked before may not have got through.
  const selector = hash === null ? selectorOf(options) : { id: keyId(hash), user: null, role: null };
  const hashes = done.filter(({ status }) => status !== "failed").map(({ key }) => key.hash);
  return withProof(result, revocationChange(hashes, selector), { context, options, ports });
}

function selectorOf({ id, user, role }: RevokeOptions): KeySelector {
  return { id, user: user ?? null, role: role ?? null };
}

/** The hash of the token that somebody has in hand; null when keys are named otherwise. */
async function leakedHash(options: RevokeOptions, ports: Ports): Promise<string | null> {
  if (options.token === undefined) return null;
  if (options.token !== "-")
    throw new AppError("usage", "token_as_argument", "a token is never given as an argument", {
      hint: "Pipe it in: `mcpctl keys revoke --token - < FILE`. Shells and process lists keep arguments.",
    });
  if (options.id !== null || options.user !== undefined || options.role !== undefined)
    throw new AppError("usage", "key_named_twice", "--token names the key; give no id, --user or --role beside it");
  return hashOfToken(await askToken(ports), "Nothing was revoked.");
}

function requireHash(keyring: Keyring, hash: string, store: KeyStore): KeyEntry {
  const key = keyring.keys.get(hash);
  if (key !== undefined) return key;
  throw new AppError("not-found", "key_not_found", `the key of that token, ${keyId(hash)}, is not in ${store.label}`, {
    hint: "Nothing was revoked. It may be another context's (--context), or was pruned.",
  });
}

/** Keys that the same words mean and that were made while this ran: nobody was asked about them, and they live. */
async function missed(
  store: KeyStore,
  before: Keyring,
  options: RevokeOptions,
  ports: Ports,
): Promise<readonly KeyEntry[]> {
  if (options.id !== null || options.token !== undefined) return [];
  const selector = selectorOf(options);
  const keys = [...(await loadKeyring(store, ports, options.role)).keys.values()];
  return keys.filter((key) => isSelected(key, selector) && !key.isRevoked && !before.keys.has(key.hash));
}

async function withMissed(result: Result, look: () => Promise<readonly KeyEntry[]>): Promise<Result> {
  const told = await tellMissed(look);
  return told === null ? result : { ...result, notes: [...(result.notes ?? []), told], exit: result.exit ?? 6 };
}

/** What was revoked must be told, even when the store answers no more. */
async function tellMissed(look: () => Promise<readonly KeyEntry[]>): Promise<string | null> {
  try {
    const ids = (await look()).map(({ keyId }) => keyId);
    return ids.length === 0 ? null : `Still alive: ${ids.join(", ")}, made while this ran. Repeat the command.`;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return `Not proven: whether a key was made while this ran: ${clause(error.message)}. Repeat the command.`;
  }
}

function answer(revocations: readonly Revocation[], where: readonly string[]): Result {
  const data = revocationData(revocations);
  const failed = revocations.find(({ error }) => error !== null)?.error ?? null;
  const isUnproven = revocations.some(({ status }) => status === "unproven");
  const exit = failed !== null ? EXIT_BY_KIND[failed.kind] : isUnproven ? 6 : undefined;
  return {
    view: viewOf(data),
    notes: [...revocations.map(tell), ...where],
    ...(exit === undefined ? {} : { exit }),
  };
}

function tell({ key, status, at, error }: Revocation): string {
  const when = at === null ? "" : ` at ${formatTime(at)}`;
  switch (status) {
    case "revoked":
      return `Revoked ${key.keyId}.`;
    case "already_revoked":
      return `${key.keyId} was already revoked${when}.`;
    case "unproven":
      return `Not proven: the store accepted the revocation of ${key.keyId} and does not show it. Repeat the command.`;
    case "failed":
      return `FAILED: ${key.keyId} is ${at === null ? "NOT revoked" : "revoked in one folder and NOT in another"}: ${clause(error?.message ?? "unknown")}. ${error?.hint ?? ""} Repeat the command.`;
  }
}

type Row = Readonly<Record<"role" | "user" | "revoked_at", string | null>> & {
  readonly id: string;
  readonly result: string;
};

function viewOf(data: readonly Row[]): View {
  return {
    data,
    table: {
      columns: ["KEY", "ROLE", "USER", "RESULT", "REVOKED"],
      rows: data.map(({ id, role, user, result, revoked_at: at }) => [id, role ?? "-", user ?? "-", result, at ?? "-"]),
    },
    names: data.map(({ id }) => id),
  };
}

function count(keys: number): string {
  return keys === 1 ? "this key" : `these ${keys} keys`;
}
