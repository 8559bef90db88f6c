import { Option, type Command } from "commander";
import { currentContext, type Context, type KeysConfig } from "../../lib/config/config.ts";
import { AppError } from "../../lib/errors.ts";
import { keyState, type KeyEntry } from "../../lib/keys/keyring.ts";
import type { EntryNote } from "../../lib/keys/key-store.ts";
import { endOfGrace, rotateKey, type Rotation } from "../../lib/keys/rotate-key.ts";
import { selectKeys } from "../../lib/keys/select-keys.ts";
import { formatTime } from "../../lib/time.ts";
import { withExamples, type Cli } from "../cli.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { keyLines } from "./key-lines.ts";
import { chooseTtl, endOfLife, readDuration } from "./lifetime.ts";
import { loadKeyring } from "./load-keyring.ts";
import { unprovenInCluster } from "./propagation.ts";
import { loadRoleAccess } from "./role-access.ts";
import { openSink, withSink } from "./token-delivery.ts";
import { formatToken, requireServers, TOKEN_FORMS, type TokenForm } from "./token-form.ts";

export interface RotateOptions {
  readonly id: string | null;
  readonly user?: string;
  readonly role?: string;
  readonly grace: string;
  readonly ttl?: string;
  readonly reason?: string;
  readonly output?: TokenForm;
  readonly out?: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly wait: boolean;
}

export function registerRotate(keys: Command, cli: Cli, run = rotate): void {
  const command = keys
    .command("rotate")
    .summary("replace keys, the old ones living on for a while")
    .description("Make a successor for a key and end the old one after a grace period. The new token is shown once.")
    .argument("[key-id]", "the key's id")
    .option("--user <user>", "every active key of this user")
    .option("--role <role>", "every active key of this role (with --user: of that user in this role)")
    .option("--grace <duration>", "how long the old key goes on working", "24h")
    .option("--ttl <ttl>", "life of the new key: 1h, 30d, never")
    .option("--reason <text>", "why, for the record")
    .option("-y, --yes", "do not ask")
    .option("--dry-run", "show what would be rotated and change nothing")
    .addOption(
      new Option("-o, --output <form>", "form of the new tokens; json is one object a line").choices(TOKEN_FORMS),
    )
    .option("--out <file>", "write the new tokens to a new file that only you can read")
    .option("--no-wait", "do not ask whether gateways have seen the change")
    .action(async (id: string | undefined, options: Omit<RotateOptions, "id">) =>
      cli.show(await run({ ...options, id: id ?? null }, cli.ports), null),
    );
  withExamples(
    command,
    "mcpctl keys rotate k_9f86d081884c --grace 48h --out new-token",
    "mcpctl keys rotate --user incident-agent-01 --yes -o json",
  );
}

export async function rotate(options: RotateOptions, ports: Ports): Promise<Result> {
  const config = await ports.config();
  const context = currentContext(config);
  const graceSeconds = readDuration("--grace", options.grace, 0);
  const store = await ports.store();
  const selected = selectKeys(await loadKeyring(store), {
    id: options.id,
    user: options.user ?? null,
    role: options.role ?? null,
  });
  const now = ports.now();
  const skipped = selected.filter((key) => keyState(key, now) !== "active");
  const plan = planRotations(selected, options, config.keys, now, graceSeconds);
  const lines = keyLines(
    plan.map(({ old }) => old),
    now,
  );
  const told = skipped.map(
    (key) =>
      `Left alone: ${key.keyId} is ${keyState(key, now)}${key.next === null ? "" : `, succeeded by ${key.next}`}.`,
  );
  if (plan.length === 0) return { notes: [...told, "Nothing to rotate."] };
  if (options.dryRun === true) {
    return {
      notes: [
        ...lines,
        ...told,
        `Dry run: ${plan.length} of ${selected.length} keys in ${store.label} would be rotated, the old ones ending after ${options.grace}; nothing was changed.`,
      ],
    };
  }
  if (options.yes !== true) {
    const question = `Rotate ${plan.length === 1 ? "this key" : `these ${plan.length} keys`}, the old ending after ${options.grace}?`;
    await ports.confirm([`In context ${context.name}, ${store.label}:`, ...lines], question);
  }
  return unprovenInCluster(context, options.wait, await runPlan(plan, options, context, ports, told));
}

/** @throws AppError conflict when the one key that was named cannot be rotated, usage for a form that fits one key only. */
function planRotations(
  keys: readonly KeyEntry[],
  options: RotateOptions,
  config: KeysConfig,
  now: number,
  graceSeconds: number,
): readonly Rotation[] {
  const expiresAt = endOfLife(now, chooseTtl(options.ttl ?? null, config));
  const plan = keys.flatMap((old): readonly Rotation[] =>
    keyState(old, now) === "active" && old.subject !== null
      ? [
          {
            old,
            subject: old.subject,
            oldEndsAt: Math.floor(endOfGrace(old, now, graceSeconds) / 1000) * 1000,
            expiresAt,
          },
        ]
      : [],
  );
  const [first] = keys;
  if (options.id !== null && plan.length === 0 && first !== undefined) {
    const next = first.next === null ? "" : `, succeeded by ${first.next}`;
    throw new AppError("conflict", "key_not_active", `${first.keyId} is ${keyState(first, now)}${next}`, {
      hint: "Only an active key is rotated; make another with `mcpctl keys create`.",
    });
  }
  if (plan.length > 1 && (options.output === "env" || options.output === "claude" || options.output === "vscode")) {
    throw new AppError(
      "usage",
      "form_for_one_key",
      `-o ${options.output} holds one key, and ${plan.length} would be rotated`,
      {
        hint: "Use -o json, which prints one object a line, or name one key.",
      },
    );
  }
  return plan;
}

async function runPlan(
  plan: readonly Rotation[],
  options: RotateOptions,
  context: Context,
  ports: Ports,
  told: readonly string[],
): Promise<Result> {
  const form = options.output ?? (plan.length === 1 ? null : "json");
  const needsRegistry = form === "claude" || form === "vscode";
  const backendsOf = new Map<string, Awaited<ReturnType<typeof loadRoleAccess>>>();
  for (const { subject } of plan) {
    const backends = await loadRoleAccess(ports, subject.role, needsRegistry);
    requireServers(form ?? "token", subject.role, backends);
    backendsOf.set(subject.role, backends);
  }
  const store = await ports.store();
  const sink = await openSink(ports, options.output ?? null, options.out ?? null);
  const notes: string[] = [...told];
  try {
    await withSink(sink, async (deliver) => {
      await store.verify();
      for (const rotation of plan) {
        const { old, subject, expiresAt, oldEndsAt } = rotation;
        const note: EntryNote = {
          action: "rotate",
          at: formatTime(ports.now()),
          ...(options.reason === undefined ? {} : { reason: options.reason }),
        };
        const key = await rotateKey({ ...ports, store }, rotation, note, (minted) =>
          deliver(
            formatToken(form ?? "token", {
              key: minted,
              record: { role: subject.role, user: subject.user, expiresAt },
              gatewayUrl: context.gateway.url,
              backends: backendsOf.get(subject.role) ?? [],
              replaces: { id: old.keyId, ends_at: formatTime(oldEndsAt) },
            }),
          ),
        );
        notes.push(
          `Rotated ${old.keyId} to ${key.id} for ${subject.user} in role ${subject.role}; the old key works until ${formatTime(oldEndsAt)}.`,
        );
      }
    });
  } catch (error) {
    for (const line of notes) ports.tell(line);
    throw error;
  }
  return {
    notes: [...notes, `The new ${plan.length === 1 ? "token" : "tokens"} went to ${sink.label} and nowhere else.`],
  };
}
