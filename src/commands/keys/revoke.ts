import { Option, type Command } from "commander";
import { currentContext } from "../../lib/config/config.ts";
import { AppError, EXIT_BY_KIND } from "../../lib/errors.ts";
import type { KeyStore } from "../../lib/keys/key-store.ts";
import type { KeyEntry, Keyring } from "../../lib/keys/keyring.ts";
import { revokeKeys, type Revocation } from "../../lib/keys/revoke-keys.ts";
import { isSelected, selectKeys } from "../../lib/keys/select-keys.ts";
import { formatTime } from "../../lib/time.ts";
import type { Format, View } from "../../lib/output/view.ts";
import { withExamples, type Cli } from "../cli.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { keyData } from "./key-data.ts";
import { loadKeyring } from "./load-keyring.ts";
import { keyLines } from "./key-lines.ts";
import { entryNote } from "./entry-note.ts";
import { receipt, tellUnproven, unprovenInCluster } from "./propagation.ts";

export interface RevokeOptions {
  readonly id: string | null;
  readonly user?: string;
  readonly role?: string;
  readonly reason?: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly wait: boolean;
}

export function registerRevoke(keys: Command, cli: Cli, run = revoke): void {
  const command = keys
    .command("revoke")
    .summary("end keys for good")
    .description("Revoke a key, or every key of a user or role. It cannot be undone; repeating it is harmless.")
    .argument("[key-id]", "the key's id; every key that shares it is revoked")
    .option("--user <user>", "every key of this user")
    .option("--role <role>", "every key of this role (with --user: of that user in this role)")
    .option("--reason <text>", "why, for the record")
    .option("-y, --yes", "do not ask")
    .option("--dry-run", "show what would be revoked and change nothing")
    .option("--no-wait", "do not ask whether gateways have seen the change")
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["table", "json", "yaml", "name"]))
    .action(async (id: string | undefined, options: Omit<RevokeOptions, "id"> & { output?: Format }) =>
      cli.show(await run({ ...options, id: id ?? null }, cli.ports), options.output ?? null),
    );
  withExamples(
    command,
    'mcpctl keys revoke k_9f86d081884c --reason "token pasted into a ticket"',
    "mcpctl keys revoke --user incident-agent-01 --role dev-readonly --yes",
  );
}

export async function revoke(options: RevokeOptions, ports: Ports): Promise<Result> {
  const context = currentContext(await ports.config());
  const store = await ports.store();
  const keyring = await loadKeyring(store);
  const keys = selectKeys(keyring, { id: options.id, user: options.user ?? null, role: options.role ?? null });
  const live = keys.filter((key) => !key.isRevoked);
  const lines = keyLines(keys, ports.now());
  if (options.dryRun === true) {
    const data = keys.map((key) => ({
      ...keyData(key, ports.now()),
      result: key.isRevoked ? "already_revoked" : "would_revoke",
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
  const done = await revokeKeys(store, keys, ports.now(), entryNote(ports, "revoke", options.reason));
  const result = await withMissed(answer(done, receipt(context, store)), () => missed(store, keyring, options));
  const isChanged = done.some(({ status }) => status === "revoked");
  return isChanged ? unprovenInCluster(context, options.wait, result) : tellUnproven(context, options.wait, result);
}

/** Keys that the same words mean and that were made while this ran: nobody was asked about them, and they live. */
async function missed(store: KeyStore, before: Keyring, options: RevokeOptions): Promise<readonly KeyEntry[]> {
  if (options.id !== null) return [];
  const selector = { id: null, user: options.user ?? null, role: options.role ?? null };
  const keys = [...(await loadKeyring(store)).keys.values()];
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
    return `Not proven: whether a key was made while this ran: ${error.message}. Repeat the command.`;
  }
}

function answer(revocations: readonly Revocation[], where: string): Result {
  const data = revocations.map(({ key, status, at, error }) => ({
    id: key.keyId,
    role: key.subject?.role ?? key.folders[0] ?? null,
    user: key.subject?.user ?? key.claims[0]?.user ?? null,
    result: status,
    revoked_at: at === null ? null : formatTime(at),
    error: error?.message ?? null,
  }));
  const failed = revocations.find(({ error }) => error !== null)?.error ?? null;
  const isUnproven = revocations.some(({ status }) => status === "unproven");
  const exit = failed !== null ? EXIT_BY_KIND[failed.kind] : isUnproven ? 6 : undefined;
  return {
    view: viewOf(data),
    notes: [...revocations.map(tell), where],
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
      return `FAILED: ${key.keyId} is NOT revoked: ${error?.message ?? "unknown"}. ${error?.hint ?? ""} Repeat the command.`;
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
