import { AppError, clause } from "../../lib/errors.ts";
import { revokeUndelivered } from "../../lib/keys/issue-key.ts";
import { keyId } from "../../lib/keys/key.ts";
import { readEntry, type KeyStore } from "../../lib/keys/key-store.ts";
import { parseEnds } from "../../lib/keys/record.ts";
import type { OpenJournal, UndeliveredKey } from "../../lib/keys/undelivered.ts";
import type { Ports } from "../ports.ts";
import { storeTime } from "./store-time.ts";

/** A successor that was never delivered, of a key whose end it had brought about. */
export interface OwedSuccessor {
  readonly undelivered: UndeliveredKey;
  readonly journal: OpenJournal;
}

/**
 * Mends what commands that died on this machine left behind in this store: keys that nobody received are revoked, and it
 * is told. Gives the successors that are still owed to somebody; `keys rotate` makes them, others close the journals.
 */
export async function recover(
  ports: Pick<Ports, "holdsToken" | "journals" | "now" | "tell">,
  store: KeyStore,
): Promise<readonly OwedSuccessor[]> {
  const owed: OwedSuccessor[] = [];
  for (const journal of await (await ports.journals()).abandoned()) {
    for (const undelivered of journal.undelivered)
      if (await isOwed(undelivered, journal, { ports, store })) owed.push({ undelivered, journal });
    if (!owed.some((successor) => successor.journal === journal)) await journal.close();
  }
  return owed;
}

/** The same for commands that make no successors: tells how they come to be. */
export async function recoverAndLeave(ports: Parameters<typeof recover>[0], store: KeyStore): Promise<void> {
  const owed = await recover(ports, store);
  for (const { undelivered, journal } of owed) {
    const old = keyId(undelivered.replaces ?? "");
    ports.tell(`A rotation of ${old} was cut off and its successor not delivered: run \`mcpctl keys rotate ${old}\`.`);
    await journal.close();
  }
}

/** What is left to mend, for commands that only look: a line for each key, which stays as it is. */
export async function undeliveredNotes(ports: Pick<Ports, "holdsToken" | "journals">): Promise<readonly string[]> {
  const notes: string[] = [];
  for (const journal of await (await ports.journals()).abandoned()) {
    for (const { hash, sink } of journal.undelivered)
      if (sink === null || !(await holds(ports, sink, hash)))
        notes.push(
          `${keyId(hash)} was made by a command that was cut off before its token was delivered; the next \`keys create\` or \`keys rotate\` here revokes it.`,
        );
    await journal.close();
  }
  return notes;
}

/** A cluster that does not answer is no reason not to list keys. */
async function holds({ holdsToken }: Pick<Ports, "holdsToken">, sink: string, hash: string): Promise<boolean> {
  try {
    return await holdsToken(sink, hash);
  } catch (error) {
    if (error instanceof AppError && error.kind !== "interrupted") return false;
    throw error;
  }
}

async function isOwed(
  undelivered: UndeliveredKey,
  journal: OpenJournal,
  { ports, store }: { readonly ports: Parameters<typeof recover>[0]; readonly store: KeyStore },
): Promise<boolean> {
  const { hash, role, replaces, insteadOf, sink } = undelivered;
  const id = keyId(hash);
  try {
    if (sink !== null && (await ports.holdsToken(sink, hash))) {
      await journal.settle(hash);
      return false;
    }
    const { status } = await revokeUndelivered(store, { role, hash }, storeTime(ports, store));
    if (status === "unproven")
      throw new AppError("unavailable", "write_unproven", "its revocation cannot be read back");
    const wasCutOff = `${id} was made by a command that was cut off before its token was delivered`;
    if (status === "done") ports.tell(`${wasCutOff}; it is revoked.`);
    if (replaces !== null && (await isSuccessorOwed(store, role, replaces, insteadOf ?? id))) return true;
    // That command, or whoever it asked to, has done it without the journal's knowing.
    if (status === "taken") ports.tell(`${wasCutOff}; it was revoked already.`);
    await journal.settle(hash);
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === "interrupted") throw error;
    ports.tell(
      `${id}, which nobody received, is not revoked yet: ${clause(error.message)}. The next command tries again.`,
    );
  }
  return false;
}

/** Does the old key end because of this successor, and does its holder still deserve one? */
async function isSuccessorOwed(store: KeyStore, role: string, oldHash: string, successor: string): Promise<boolean> {
  const old = { role, hash: oldHash };
  const names = [
    { ...old, part: "record" },
    { ...old, part: "ends" },
  ] as const;
  // A process that died a moment ago may have written the end: taking it for absent would forget the successor.
  const [record, ends] = await store.read(names, { isPatient: true });
  if (record == null || ends == null || parseEnds(ends.value)?.next !== successor) return false;
  return (await readEntry(store, { ...old, part: "revoked" })) === null;
}
