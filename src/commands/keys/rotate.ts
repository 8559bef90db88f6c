import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { Option, type Command } from "commander";
import { currentContext } from "../../lib/config/config.ts";
import { isFileErrorCode } from "../../lib/files/file-error.ts";
import { keyState } from "../../lib/keys/keyring.ts";
import type { KeyStore } from "../../lib/keys/key-store.ts";
import { formatTime } from "../../lib/time.ts";
import { withExamples, type Cli } from "../cli.ts";
import { readDuration } from "../duration.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { withNamedKey } from "./ask-key.ts";
import { keyLines } from "./key-lines.ts";
import { loadKeyring } from "./load-keyring.ts";
import { carriedChange } from "../../lib/cluster/carried-change.ts";
import { addWaitOptions, receipt, withProof } from "./propagation.ts";
import type { RotateOptions } from "./rotate-options.ts";
import { findSecrets } from "./secrets-of-keys.ts";
import { recover, type OwedSuccessor } from "./recover.ts";
import { MOST_TOLD, runRotations } from "./run-rotations.ts";
import { planRotations, type RotationPlan } from "./rotation-plan.ts";
import { storeTime } from "./store-time.ts";
import { TOKEN_FORMS } from "./token-form.ts";

export function registerRotate(keys: Command, cli: Cli, run = rotate): void {
  const command = keys
    .command("rotate")
    .summary("replace keys, the old ones living on for a while")
    .description(
      "Make a successor for a key, or for many, and end the old one after a grace period. Each new token is shown once. " +
        "Repeat the command after any interruption: what was rotated is left alone, what was not delivered is replaced.",
    )
    .argument("[key-id]", "the key's id, asked for on a terminal")
    .option("--user <user>", "every active key of this user")
    .option("--role <role>", "every active key of this role (with --user: of that user in this role)")
    .option("--expiring <span>", "only active keys that end within this time, e.g. 14d; alone: of everybody")
    .option("--grace <duration>", "how long the old key goes on working", "24h")
    .option("--ttl <ttl>", "life of the new key: 1h, 30d, never")
    .option("--reason <text>", "why, for the record")
    .option("-y, --yes", "do not ask")
    .option("--dry-run", "show what would be rotated and change nothing")
    .addOption(
      new Option("-o, --output <form>", "form of the new tokens; json is one object a line").choices(TOKEN_FORMS),
    )
    .option(
      "--out <path>",
      "with a key id a new file, else a folder that gets a file for each user; only you can read it\n(default: a key that lies in a Secret is replaced there, others go to standard output)",
    );
  addWaitOptions(command).action(async (id: string | undefined, options: Omit<RotateOptions, "id">) => {
    const format = options.output === "json" || options.output === "yaml" ? options.output : null;
    await cli.show(await run({ ...options, id: id ?? null }, cli.ports), format);
  });
  withExamples(
    command,
    "mcpctl keys rotate k_9f86d081884c --grace 48h --out new-token",
    "mcpctl keys rotate --expiring 14d --out new-tokens --yes",
  );
}

export async function rotate(given: RotateOptions, ports: Ports): Promise<Result> {
  const options = await withNamedKey("rotate", given, ports);
  const store = await ports.store();
  if (options.dryRun === true) return plan(options, ports, store, []);
  const owed = await recover(ports, store);
  try {
    return await plan(options, ports, store, owed);
  } finally {
    for (const { journal } of owed) await journal.close();
  }
}

async function plan(
  options: RotateOptions,
  ports: Ports,
  store: KeyStore,
  owed: readonly OwedSuccessor[],
): Promise<Result> {
  const config = await ports.config();
  const context = currentContext(config);
  const request = {
    ...options,
    graceSeconds: readDuration("--grace", options.grace, 0),
    expiringSeconds: options.expiring === undefined ? null : readDuration("--expiring", options.expiring, 1),
    keys: config.keys,
    isFolder: await isFolder(options, ports.cwd),
  };
  const owedTo = new Map(owed.map(({ undelivered }) => [undelivered.replaces ?? "", undelivered]));
  const look = async (): Promise<RotationPlan> =>
    planRotations(request, await loadKeyring(store, ports, options.role), owedTo, storeTime(ports, store));
  const shown = await look();
  const now = storeTime(ports, store);
  const lines = keyLines(
    shown.rotations.map(({ old }) => old),
    now,
  );
  const count = shown.rotations.length;
  if (options.dryRun === true || count === 0) return answerPlan(shown, store, options, now);
  if (options.yes !== true) {
    const question = `Rotate ${count === 1 ? "this key" : `these ${count} keys`}, the old ending after ${options.grace}?`;
    await ports.confirm([receipt(context, store), ...lines], question);
  }
  // The question may have stood for an hour: what was revoked meanwhile gets no successor, and times count from now.
  const fresh = options.yes === true ? shown : await look();
  const asked = new Set(shown.rotations.map(({ old }) => old.hash));
  const agreed = { ...fresh, rotations: fresh.rotations.filter(({ old }) => asked.has(old.hash)) };
  if (agreed.rotations.length === 0) return answerPlan(agreed, store, options, storeTime(ports, store));
  const skipped = tellSkipped(agreed, storeTime(ports, store));
  const secrets = await findSecrets(agreed.rotations, options, { store, ports });
  const work = { options, isFolder: request.isFolder, context, store, ports, owed, secrets };
  const { result, rotated } = await runRotations(agreed, work);
  const told = { ...result, notes: [...skipped, ...(result.notes ?? [])] };
  const change = carriedChange(
    rotated.map(({ made }) => made),
    rotated.map(({ old }) => old),
  );
  return rotated.length === 0 ? told : withProof(told, change, { context, options, ports });
}

/** With a key id one file; of many keys each user gets a file of their own. */
async function isFolder({ id, out }: RotateOptions, cwd: string): Promise<boolean> {
  if (out === undefined || out === "" || out.startsWith("secret:")) return false;
  if (id === null || out.endsWith("/")) return true;
  try {
    return (await stat(resolve(cwd, out))).isDirectory();
  } catch (error) {
    if (isFileErrorCode(error, "ENOENT") || isFileErrorCode(error, "ENOTDIR")) return false;
    throw error;
  }
}

function answerPlan(plan: RotationPlan, store: KeyStore, options: RotateOptions, now: number): Result {
  const data = plan.rotations.map(({ old, subject, oldEndsAt }) => ({
    id: old.keyId,
    role: subject.role,
    user: subject.user,
    result: "would_rotate",
    old_ends_at: formatTime(oldEndsAt),
  }));
  const told = tellSkipped(plan, now);
  const view = {
    data,
    table: {
      columns: ["KEY", "ROLE", "USER", "RESULT", "OLD KEY ENDS"],
      rows: data.map(({ id, role, user, result, old_ends_at: endsAt }) => [id, role, user, result, endsAt]),
    },
  };
  if (options.dryRun !== true) return { view, notes: [...told, "Nothing to rotate."] };
  const total = data.length + plan.skipped.length;
  const users = new Set(data.map(({ user }) => user)).size;
  const summary = `Dry run: ${data.length} of ${total} keys (of ${users} ${users === 1 ? "user" : "users"}) in ${store.label} would be rotated, the old ones ending after ${options.grace}; nothing was changed.`;
  return { view, notes: [...told, summary] };
}

function tellSkipped({ skipped }: RotationPlan, now: number): readonly string[] {
  if (skipped.length > MOST_TOLD) {
    const counts = new Map<string, number>();
    for (const key of skipped) counts.set(keyState(key, now), (counts.get(keyState(key, now)) ?? 0) + 1);
    return [`Left alone: ${[...counts].map(([state, count]) => `${count} ${state}`).join(", ")}.`];
  }
  return skipped.map((key) => {
    const next = key.next === null ? "" : `, succeeded by ${key.next}`;
    return `Left alone: ${key.keyId} is ${keyState(key, now)}${next}.`;
  });
}
