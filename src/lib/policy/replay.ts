import type { RecordedCall } from "../audit/recorded-call.ts";
import type { Reason } from "../audit/reasons.ts";
import { decide, type Allow, type Decision, type Deny, type Policy, type Rule } from "./decide.ts";
import { indexLocks } from "./locks.ts";
import { PathMap } from "./path-map.ts";

/** Why a record says nothing of what a role file would do. */
export type UnknownWhy =
  /** The gateway did not decide: something was not to be had, it was full or ending, the client left. */
  | "undecided"
  /** It was refused for something else than role and backend: no good key, a lock, too many calls, a broken request. */
  | "besidePolicy"
  /** Its method or tool stand there cut or redacted. */
  | "altered"
  /** Its role, backend or tool do not stand there. */
  | "nameless";

/** Calls of one kind whose answer would change. */
export interface Change {
  readonly role: string;
  readonly user: string | null;
  readonly backend: string;
  readonly method: string | null;
  readonly tool: string | null;
  readonly count: number;
  /** Milliseconds since 1970. */
  readonly first: number;
  readonly last: number;
  /** Why they would be refused, or why they were. */
  readonly reason: Reason;
  /** The line that decides now. */
  readonly rule: Rule | null;
}

export interface ReplayReport {
  /** Were let through and would be refused; were refused and would be let through. Most calls first. */
  readonly refused: readonly Change[];
  readonly allowed: readonly Change[];
  /** How many calls each list stands for, and those that are in no list because there were too many kinds. */
  readonly counts: ReplayCounts;
  readonly unknown: Readonly<Record<UnknownWhy, number>>;
  /** The reasons of those that were refused beside the policy. */
  readonly beside: ReadonlyMap<Reason, number>;
}

export interface ReplayCounts {
  readonly refused: number;
  readonly allowed: number;
  readonly stillAllowed: number;
  readonly stillRefused: number;
  /** Of `refused` and `allowed`, those that are in no list. */
  readonly unlistedRefused: number;
  readonly unlistedAllowed: number;
}

/** Refusals that role file and registry decided: only these can become a yes by another role file. */
const BY_POLICY: ReadonlySet<Reason> = new Set([
  "backend_unknown",
  "role_unknown",
  "backend_not_granted",
  "tool_not_granted",
  "method_not_granted",
]);

/** More kinds of calls than anybody reads, and few enough for the memory of any machine. */
const MAX_KINDS = 100_000;
const NO_LOCKS = indexLocks([]);

/** The bound on all names of these kinds together, in UTF-16 units: a caller can make a tool's name 12,000 long. */
const MAX_UNITS = 8 * 1024 * 1024;

/** Calls that one decision answers. */
interface Kind {
  readonly names: Pick<NamedCall, "role" | "backend" | "method" | "tool">;
  readonly decision: Decision;
  /** Those whose answer would change, by user; null where there is no room to list them. */
  readonly tallies: Map<string | null, Tally> | null;
}

interface Tally {
  readonly reason: Reason;
  count: number;
  first: number;
  last: number;
}

type NamedCall = RecordedCall & { readonly role: string; readonly backend: string };

/** Would this policy answer recorded calls as they were answered then? The gateway's own evaluator tells. */
export class Replay {
  readonly #policy: Policy;
  readonly #maxKinds: number;
  readonly #byNames = new PathMap<Kind>();
  readonly #kinds: Kind[] = [];
  /** Tallies and kinds together, and the length of their names. */
  #held = 0;
  #units = 0;
  readonly #counts = {
    refused: 0,
    allowed: 0,
    stillAllowed: 0,
    stillRefused: 0,
    unlistedRefused: 0,
    unlistedAllowed: 0,
  };
  readonly #unknown = { undecided: 0, besidePolicy: 0, altered: 0, nameless: 0 };
  readonly #beside = new Map<Reason, number>();

  constructor(policy: Policy, maxKinds = MAX_KINDS) {
    this.#policy = policy;
    this.#maxKinds = maxKinds;
  }

  /** Takes a call; each must come once. */
  add(call: RecordedCall): void {
    const why = whyUnknown(call);
    if (why !== null) {
      this.#unknown[why] += 1;
      if (why === "besidePolicy") this.#beside.set(call.reason, (this.#beside.get(call.reason) ?? 0) + 1);
      return;
    }
    const { decision, tallies } = this.#kindOf(call as NamedCall);
    if (decision.outcome === "unknown") this.#unknown.undecided += 1;
    else if (decision.outcome !== call.decision) this.#addChange(call, decision, tallies);
    else if (decision.outcome === "allow") this.#counts.stillAllowed += 1;
    else this.#counts.stillRefused += 1;
  }

  report(): ReplayReport {
    const changesTo = (outcome: Decision["outcome"]): readonly Change[] =>
      this.#kinds
        .filter(({ decision }) => decision.outcome === outcome)
        .flatMap(changesOf)
        .toSorted(byCount);
    return {
      refused: changesTo("deny"),
      allowed: changesTo("allow"),
      counts: { ...this.#counts },
      unknown: { ...this.#unknown },
      beside: new Map(this.#beside),
    };
  }

  /** Of calls of one kind there are very many: the first is decided on, the others are answered alike. */
  #kindOf(call: NamedCall): Kind {
    const { role, backend, method, tool } = call;
    const names = { role, backend, method, tool };
    const path = [role, backend, method, tool] as const;
    const known = this.#byNames.get(path);
    if (known !== undefined) return known;
    const decision = decide(this.#policy, NO_LOCKS, { ...names, user: null, keyId: null }, 0);
    const isListed = this.#hasRoom([role, backend, method, tool]);
    const kind: Kind = { names, decision, tallies: isListed ? new Map() : null };
    if (isListed) {
      this.#byNames.set(path, kind);
      this.#kinds.push(kind);
    }
    return kind;
  }

  #addChange({ user, reason, at }: RecordedCall, decision: Allow | Deny, tallies: Kind["tallies"]): void {
    const isRefused = decision.outcome === "deny";
    this.#counts[isRefused ? "refused" : "allowed"] += 1;
    const known = tallies?.get(user);
    if (known !== undefined) {
      known.count += 1;
      if (at < known.first) known.first = at;
      if (at > known.last) known.last = at;
    } else if (tallies === null || !this.#hasRoom([user])) {
      this.#counts[isRefused ? "unlistedRefused" : "unlistedAllowed"] += 1;
    } else tallies.set(user, { reason: isRefused ? decision.reason : reason, count: 1, first: at, last: at });
  }

  #hasRoom(names: readonly (string | null)[]): boolean {
    const units = names.reduce((sum, name) => sum + (name?.length ?? 0), 0);
    if (this.#held >= this.#maxKinds || this.#units + units > MAX_UNITS) return false;
    this.#held += 1;
    this.#units += units;
    return true;
  }
}

function whyUnknown({ decision, reason, role, backend, method, tool, isAltered }: RecordedCall): UnknownWhy | null {
  if (decision === "unknown") return "undecided";
  if (decision === "deny" && !BY_POLICY.has(reason)) return "besidePolicy";
  if (isAltered) return "altered";
  if (role === null || backend === null || (method === "tools/call" && tool === null)) return "nameless";
  return null;
}

function changesOf({ names, decision, tallies }: Kind): readonly Change[] {
  const rule = decision.outcome === "unknown" ? null : decision.rule;
  return [...(tallies ?? [])].map(([user, tally]) => ({ ...names, user, ...tally, rule }));
}

function byCount(one: Change, other: Change): number {
  return other.count - one.count || one.first - other.first;
}
