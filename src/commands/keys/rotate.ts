import { Option, type Command } from "commander";
import { currentContext, type Context } from "../../lib/config/config.ts";
import { keyState } from "../../lib/keys/keyring.ts";
import type { KeyStore } from "../../lib/keys/key-store.ts";
import { rotateKey, type Rotation } from "../../lib/keys/rotate-key.ts";
import type { Backend } from "../../lib/policy/registry.ts";
import { formatTime } from "../../lib/time.ts";
import { withExamples, type Cli } from "../cli.ts";
import { readDuration } from "../duration.ts";
import type { Ports, TokenSink } from "../ports.ts";
import type { Result } from "../result.ts";
import { entryNote } from "./entry-note.ts";
import { keyLines } from "./key-lines.ts";
import { receipt, requireRoom, unprovenInCluster } from "./propagation.ts";
import { loadRoleAccess } from "./role-access.ts";
import { planRotations, type RotationPlan } from "./rotation-plan.ts";
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
    .action(async (id: string | undefined, options: Omit<RotateOptions, "id">) => {
      const format = options.output === "json" || options.output === "yaml" ? options.output : null;
      await cli.show(await run({ ...options, id: id ?? null }, cli.ports), format);
    });
  withExamples(
    command,
    "mcpctl keys rotate k_9f86d081884c --grace 48h --out new-token",
    "mcpctl keys rotate --user incident-agent-01 --yes -o json",
  );
}

export async function rotate(options: RotateOptions, ports: Ports): Promise<Result> {
  const config = await ports.config();
  const context = currentContext(config);
  const store = await ports.store();
  const request = { ...options, graceSeconds: readDuration("--grace", options.grace, 0), keys: config.keys };
  const shown = await planRotations(request, store, ports.now());
  const lines = keyLines(
    shown.rotations.map(({ old }) => old),
    ports.now(),
  );
  const count = shown.rotations.length;
  if (options.dryRun === true || count === 0) return answerPlan(shown, lines, store, options, ports.now());
  if (options.yes !== true) {
    const question = `Rotate ${count === 1 ? "this key" : `these ${count} keys`}, the old ending after ${options.grace}?`;
    await ports.confirm([receipt(context, store), ...lines], question);
  }
  // The question may have stood for an hour: what was revoked meanwhile gets no successor, and times count from now.
  const fresh = await planRotations(request, store, ports.now());
  const asked = new Set(shown.rotations.map(({ old }) => old.hash));
  const plan = { ...fresh, rotations: fresh.rotations.filter(({ old }) => asked.has(old.hash)) };
  if (plan.rotations.length === 0) return answerPlan(plan, [], store, options, ports.now());
  return unprovenInCluster(context, options.wait, await runPlan(plan, { options, context, store, ports }));
}

function answerPlan(
  plan: RotationPlan,
  lines: readonly string[],
  store: KeyStore,
  options: RotateOptions,
  now: number,
): Result {
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
  const total = lines.length + plan.skipped.length;
  const summary = `Dry run: ${lines.length} of ${total} keys in ${store.label} would be rotated, the old ones ending after ${options.grace}; nothing was changed.`;
  return { view, notes: [...told, summary] };
}

function tellSkipped({ skipped }: RotationPlan, now: number): readonly string[] {
  return skipped.map((key) => {
    const next = key.next === null ? "" : `, succeeded by ${key.next}`;
    return `Left alone: ${key.keyId} is ${keyState(key, now)}${next}.`;
  });
}

interface Work {
  readonly options: RotateOptions;
  readonly context: Context;
  readonly store: KeyStore;
  readonly ports: Ports;
}

async function runPlan(plan: RotationPlan, work: Work): Promise<Result> {
  const { options, context, store, ports } = work;
  const form = options.output ?? (plan.rotations.length === 1 ? "token" : "json");
  const backendsOf = await loadBackends(plan, form, ports);
  const sink = await openSink(ports, options.output ?? null, options.out ?? null);
  const notes: string[] = [...tellSkipped(plan, ports.now())];
  try {
    await withSink(sink, async (deliver) => {
      await store.verify();
      await requireRoom(context, store, plan.rotations.length);
      for (const rotation of plan.rotations) {
        notes.push(await rotateOne(rotation, form, backendsOf.get(rotation.subject.role) ?? [], deliver, work));
      }
    });
  } catch (error) {
    for (const line of notes) ports.tell(line);
    throw error;
  }
  const tokens = plan.rotations.length === 1 ? "token" : "tokens";
  return { notes: [...notes, receipt(context, store), `The new ${tokens} went to ${sink.label} and nowhere else.`] };
}

/** The backends of each role of the plan; every role must still stand in the role file. */
async function loadBackends(
  plan: RotationPlan,
  form: TokenForm,
  ports: Ports,
): Promise<ReadonlyMap<string, readonly Backend[]>> {
  const backendsOf = new Map<string, readonly Backend[]>();
  for (const { subject } of plan.rotations) {
    const backends = await loadRoleAccess(ports, subject.role, form === "claude" || form === "vscode");
    requireServers(form, subject.role, backends);
    backendsOf.set(subject.role, backends);
  }
  return backendsOf;
}

async function rotateOne(
  rotation: Rotation,
  form: TokenForm,
  backends: readonly Backend[],
  deliver: TokenSink["deliver"],
  { options, context, store, ports }: Work,
): Promise<string> {
  const { old, subject, expiresAt, oldEndsAt } = rotation;
  const issued = {
    record: { role: subject.role, user: subject.user, expiresAt },
    gatewayUrl: context.gateway.url,
    backends,
    replaces: { id: old.keyId, ends_at: formatTime(oldEndsAt) },
  };
  const note = entryNote(ports, "rotate", options.reason);
  const key = await rotateKey({ ...ports, store }, rotation, note, (minted) =>
    deliver(formatToken(form, { key: minted, ...issued })),
  );
  return `Rotated ${old.keyId} to ${key.id} for ${subject.user} in role ${subject.role}; the old key works until ${formatTime(oldEndsAt)}.`;
}
