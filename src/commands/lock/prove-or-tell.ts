import { AppError, clause, EXIT_BY_KIND, type ExitCode } from "../../lib/errors.ts";
import type { ReplicaProof } from "../../lib/cluster/prove.ts";
import type { Ports } from "../ports.ts";
import { proveLock } from "./place-lock.ts";
import { replicaReceipt, withoutTime, type Receipt } from "./receipt.ts";

export interface LockProof extends Pick<Receipt, "replicas" | "problems"> {
  /** How many keys that the lock is for some gateway knows; null where that was not asked, or not answered. */
  readonly knownKeys: number | null;
}

/** What the replicas show of this lock, or why they cannot be asked: the lock stands in either case. */
export async function proveOrTell(
  find: Parameters<typeof proveLock>[1] | null,
  placed: Parameters<typeof proveLock>[0],
  timeoutMs: number,
  ports: Pick<Ports, "progress" | "signal">,
): Promise<LockProof> {
  if (find === null)
    return {
      knownKeys: null,
      replicas: null,
      problems: ["the context does not say where its gateways are (kubernetes.gateway.service, or gateway.admin)."],
    };
  try {
    const proofs = await proveLock(placed, find, timeoutMs, ports);
    const replicas = proofs.map(replicaReceipt).map((replica) => (placed.isOld ? withoutTime(replica) : replica));
    const behind = replicas.filter(({ problem }) => problem !== null);
    return {
      knownKeys: mostKeys(proofs),
      replicas,
      problems:
        replicas.length === 0
          ? ["there is no gateway to ask."]
          : behind.map(({ name, problem }) => `${name}: ${problem ?? ""}.`),
    };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { knownKeys: null, replicas: null, problems: [unasked(error)] };
  }
}

/** How many of the keys that were asked about does the replica know that knows most? Null where none was asked about. */
function mostKeys(proofs: readonly ReplicaProof[]): number | null {
  const counts = proofs.flatMap(({ state }) =>
    state === null || state.keys === null ? [] : [state.keys.accepted + state.keys.refused.length],
  );
  return counts.length === 0 ? null : Math.max(...counts);
}

/** Why nothing is known of the gateways, after something was changed. */
export function unasked({ kind, message, hint = "" }: AppError): string {
  const what = kind === "interrupted" ? "not every gateway was asked" : "no gateway was asked";
  return `${what}: ${clause(message)}. ${hint}`.trimEnd();
}

/** What a change that is not proven ends with; after Ctrl-C its receipt is kept all the same. */
export function unprovenExit({ signal }: Pick<Ports, "signal">): ExitCode {
  return signal.aborted ? EXIT_BY_KIND.interrupted : 6;
}
