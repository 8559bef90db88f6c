import type { Context } from "../../lib/config/config.ts";
import { AppError, clause, EXIT_BY_KIND } from "../../lib/errors.ts";
import type { Issuer } from "../../lib/keys/issue-key.ts";
import type { KeyStore } from "../../lib/keys/key-store.ts";
import { rotateKey, type Rotation } from "../../lib/keys/rotate-key.ts";
import type { DeliveryJournal } from "../../lib/keys/undelivered.ts";
import type { Backend } from "../../lib/policy/registry.ts";
import { formatTime } from "../../lib/time.ts";
import type { FolderSink, Ports, TokenSink } from "../ports.ts";
import type { Result } from "../result.ts";
import { entryNote } from "./entry-note.ts";
import { loadEntries } from "./load-keyring.ts";
import { receipt, requireRoom } from "./propagation.ts";
import type { OwedSuccessor } from "./recover.ts";
import { loadRoleAccess } from "./role-access.ts";
import type { RotateOptions } from "./rotate-options.ts";
import type { RotationPlan } from "./rotation-plan.ts";
import { clockNote, storeTime } from "./store-time.ts";
import { openSink, secretOf, withSink } from "./token-delivery.ts";
import { folderForm, formatToken, requireServers, type TokenForm } from "./token-form.ts";
import { withIssuer } from "./with-issuer.ts";

export interface RotationWork {
  readonly options: RotateOptions;
  readonly isFolder: boolean;
  readonly context: Context;
  readonly store: KeyStore;
  readonly ports: Ports;
  readonly owed: readonly OwedSuccessor[];
  /** The Secrets that tokens lie in, by the hash of the old key: their successors go there. */
  readonly secrets: ReadonlyMap<string, string>;
}

/** The hashes of a key and its successor. */
export interface RotatedHashes {
  readonly old: string;
  readonly made: string;
}

/** More lines than anybody reads. */
export const MOST_TOLD = 20;

/** Makes the successors one after another, each delivered before the next is made. */
export async function runRotations(
  plan: RotationPlan,
  work: RotationWork,
): Promise<{ readonly result: Result; readonly rotated: readonly RotatedHashes[] }> {
  const { options, context, store, ports } = work;
  const form = options.output ?? (plan.rotations.length === 1 && !work.isFolder ? "token" : "json");
  const backendsOf = await loadBackends(plan, form, ports);
  const done: string[] = [];
  const rotated: RotatedHashes[] = [];
  const refused: AppError[] = [];
  const rotateAll: RotateAll = async (place) => {
    await store.verify();
    await requireRoom(context, plan.rotations.length, () => loadEntries(store, ports, options.role));
    await withIssuer(ports, store, async (issuer) => {
      for (const rotation of plan.rotations) {
        ports.progress(`Rotated ${done.length} of ${plan.rotations.length} keys`);
        const backends = backendsOf.get(rotation.subject.role) ?? [];
        await place(rotation, async (sink, deliver) => {
          try {
            const placed = { form: secretOf(sink) === null ? form : ("token" as const), sink };
            const { line, hash } = await rotateOne(rotation, { ...placed, backends, deliver, issuer }, work);
            done.push(line);
            rotated.push({ old: rotation.old.hash, made: hash });
          } catch (error) {
            // Of many keys one that somebody else rotated or revoked meanwhile does not keep the others from theirs.
            if (!(error instanceof AppError) || error.kind !== "conflict" || plan.rotations.length === 1) throw error;
            refused.push(error);
          }
        });
      }
    });
  };
  let where: string;
  try {
    const isInSecret = ({ old }: Rotation): boolean => work.secrets.has(old.hash);
    const others = plan.rotations.filter((rotation) => !isInSecret(rotation));
    const rest: RotateAll = (place) =>
      rotateAll((rotation, use) => (isInSecret(rotation) ? intoSecret(work, rotation, use) : place(rotation, use)));
    where =
      others.length === 0
        ? await intoSecrets(work, rest)
        : work.isFolder
          ? await intoFolder(work, form, rest)
          : await intoOne(work, rest);
  } catch (error) {
    for (const line of done) ports.tell(line);
    throw error;
  } finally {
    ports.progress(null);
  }
  return { result: answer({ done, refused, where }, work), rotated };
}

/** Gives `use` the place where this rotation's token goes. */
type Place = (
  rotation: Rotation,
  use: (sink: TokenSink, deliver: TokenSink["deliver"]) => Promise<void>,
) => Promise<void>;

type RotateAll = (place: Place) => Promise<void>;

/** Opened before the successor is made: a Secret that is not the old key's any more stops this one rotation. */
async function intoSecret(
  { ports, secrets }: RotationWork,
  { old }: Rotation,
  use: Parameters<Place>[1],
): Promise<void> {
  const sink = await openSink(ports, "token", secrets.get(old.hash) ?? "", old.hash);
  await withSink(sink, (deliver) => use(sink, deliver));
}

async function intoSecrets({ secrets }: RotationWork, rotateAll: RotateAll): Promise<string> {
  await rotateAll(() => Promise.reject(new Error("every key lies in a Secret")));
  const places = [...new Set(secrets.values())];
  return places.length > MOST_TOLD ? `${places.length} Secrets` : places.join(", ");
}

async function intoOne({ options, ports }: RotationWork, rotateAll: RotateAll): Promise<string> {
  const sink = await openSink(ports, options.output ?? null, options.out ?? null);
  await withSink(sink, (deliver) => rotateAll((_rotation, use) => use(sink, deliver)));
  return sink.label;
}

async function intoFolder({ options, ports }: RotationWork, form: TokenForm, rotateAll: RotateAll): Promise<string> {
  const folder: FolderSink = await ports.folderSink(options.out ?? "");
  const { extension, isLines } = folderForm(form);
  try {
    await rotateAll(async ({ subject }, use) => {
      const sink = await folder.of(subject.user, extension, isLines);
      await withSink(sink, (deliver) => use(sink, deliver));
    });
  } finally {
    await folder.close();
  }
  return folder.label;
}

function answer(
  { done, refused, where }: { done: readonly string[]; refused: readonly AppError[]; where: string },
  { context, store }: RotationWork,
): Result {
  const told = done.length > MOST_TOLD ? [`Rotated ${done.length} keys.`] : done;
  const tokens = done.length === 1 ? "token" : "tokens";
  const [first] = refused;
  return {
    notes: [
      ...told,
      ...refused.map(({ message, hint }) => `Not rotated: ${clause(message)}. ${hint ?? ""}`.trimEnd()),
      receipt(context, store),
      ...clockNote(store),
      `The new ${tokens} went to ${where} and nowhere else.`,
    ],
    ...(first === undefined ? {} : { exit: EXIT_BY_KIND[first.kind] }),
  };
}

/** The backends of each role of the plan; every role must still stand in the role file. */
async function loadBackends(
  plan: RotationPlan,
  form: TokenForm,
  ports: Ports,
): Promise<ReadonlyMap<string, readonly Backend[]>> {
  const backendsOf = new Map<string, readonly Backend[]>();
  for (const role of new Set(plan.rotations.map(({ subject }) => subject.role))) {
    const backends = await loadRoleAccess(ports, role, form === "claude" || form === "vscode");
    requireServers(form, role, backends);
    backendsOf.set(role, backends);
  }
  return backendsOf;
}

interface OneRotation {
  readonly form: TokenForm;
  readonly backends: readonly Backend[];
  readonly sink: TokenSink;
  readonly deliver: TokenSink["deliver"];
  readonly issuer: Issuer;
}

async function rotateOne(
  rotation: Rotation,
  { form, backends, sink, deliver, issuer }: OneRotation,
  { options, context, store, ports, owed }: RotationWork,
): Promise<{ readonly line: string; readonly hash: string }> {
  const { old, subject, expiresAt, oldEndsAt } = rotation;
  const issued = {
    record: { role: subject.role, user: subject.user, expiresAt },
    gatewayUrl: context.gateway.url,
    backends,
    replaces: { id: old.keyId, ends_at: formatTime(oldEndsAt) },
  };
  const note = entryNote(ports, storeTime(ports, store), "rotate", options.reason, secretOf(sink));
  const journal = handingOver(issuer.journal, rotation, owed);
  const key = await rotateKey({ ...issuer, journal }, rotation, { note, sink: sink.path }, (minted) =>
    deliver(formatToken(form, { key: minted, ...issued })),
  );
  const line = `Rotated ${old.keyId} to ${key.id} for ${subject.user} in role ${subject.role}; the old key works until ${formatTime(oldEndsAt)}.`;
  return { line, hash: key.hash };
}

/** What is owed stands in exactly one journal at any time, and for a moment in both. */
function handingOver(own: DeliveryJournal, { old }: Rotation, owed: readonly OwedSuccessor[]): DeliveryJournal {
  return {
    begin: async (key) => {
      await own.begin(key);
      for (const { undelivered, journal } of owed)
        if (undelivered.replaces === old.hash) await journal.settle(undelivered.hash);
    },
    settle: (hash) => own.settle(hash),
  };
}
