import { listSome } from "../../lib/list-some.ts";
import { plural } from "../../lib/plural.ts";
import type { KeyEffect } from "../../lib/policy/diff/key-effects.ts";
import {
  grantChanges,
  type BackendChange,
  type GrantChange,
  type RoleChange,
} from "../../lib/policy/diff/policy-diff.ts";
import type { Grant } from "../../lib/policy/role-file.ts";
import type { LostUse } from "../../lib/policy/diff/lost-uses.ts";
import { formatTime } from "../../lib/time.ts";
import type { Comparison, RecordedUses } from "./diff-view.ts";
import { logWarnings } from "./log-words.ts";

export type Direction = "+" | "-" | "~" | "=";

export function directionOf({ grows, shrinks }: Pick<GrantChange, "grows" | "shrinks">): Direction {
  if (grows) return shrinks ? "~" : "+";
  return shrinks ? "-" : "=";
}

/** `role ops, renamed from admins`, `new role ops`. */
export function headline({ role, kind, from }: RoleChange): string {
  switch (kind) {
    case "added":
      return `new role ${role}`;
    case "removed":
      return `role ${role}, removed`;
    case "renamed":
      return `role ${role}, renamed from ${from ?? ""}`;
    case "changed":
      return `role ${role}`;
  }
}

/** What happened to a grant: `added`, `narrowed`, ...; then what it opens, and what that means. */
export function changeWords(change: GrantChange): readonly string[] {
  const { backendBefore, backendAfter, gained, lost, registry } = change;
  const backend = change.grows ? backendAfter : (backendBefore ?? backendAfter);
  return [
    kindOf(change),
    ...(change.isWrite ? ["WRITE"] : []),
    ...(change.isProduction ? ["PRODUCTION"] : []),
    ...(backend === null
      ? ["no such backend, so it grants nothing"]
      : [`${backend.service} in ${backend.environment}`]),
    ...registry,
    ...(gained.kind === "some" ? [`lets through e.g. ${gained.tool}`] : []),
    ...(lost.kind === "some" ? [`refuses e.g. ${lost.tool}`] : []),
    ...(gained.kind === "perhaps" || lost.kind === "perhaps" ? ["its tools are too intricate to be compared"] : []),
    ...toolWords(change),
  ];
}

/** How the grant itself changed; `as it was` where only the registry did. */
export function kindOf({ before, after, backendBefore, backendAfter, grows, shrinks, registry }: GrantChange): string {
  if (before === null) return "added";
  if (after === null) return "removed";
  if (backendBefore === null && backendAfter !== null) return "registered";
  if (backendBefore !== null && backendAfter === null) return "unregistered";
  if (registry.length > 0) return "as it was";
  if (grows === shrinks) return grows ? "narrowed otherwise" : "rewritten";
  return grows ? "widened" : "narrowed";
}

function toolWords({ before, after }: GrantChange): readonly string[] {
  const shown = after ?? before;
  return shown === null || shown.tools === null ? [] : [`tools ${rule(shown.tools)}`];
}

function rule({ allow, deny }: NonNullable<Grant["tools"]>): string {
  const allowed = allow === null ? "all" : allow.length === 0 ? "none" : allow.join(" ");
  return deny.length === 0 ? allowed : `${allowed} but ${deny.join(" ")}`;
}

export function backendWords({ backend, kind, what }: BackendChange): string {
  return kind === "changed"
    ? `${backend}  ${what.join(", ")}`
    : `${backend}  ${kind === "added" ? "registered" : "unregistered"}`;
}

const MOST_NAMED = 5;

/** `2 live keys of alice and bob die: k_..., k_...` */
export function effectWords({ role, keys, effect }: KeyEffect): string {
  const users = [...new Set(keys.map(({ user }) => user))];
  const ids = keys.map(({ id }) => id);
  return `${plural(keys.length, "live key")} of ${role} ${verb(keys.length, effect)}: ${cut(ids)} of ${cut(users)}`;
}

function verb(count: number, effect: KeyEffect["effect"]): string {
  return count === 1 ? effect.replace(/\b(die|gain|lose)\b/g, "$1s") : effect;
}

function cut(words: readonly string[]): string {
  return listSome(words, MOST_NAMED);
}

/** `eks-ro was called 12 times by alice, bob; last 2026-11-20T09:00:00Z: eks_get_pods`. */
export function useWords({ backend, calls, users, tools, last }: LostUse): string {
  const times = calls === 1 ? "once" : `${calls} times`;
  return `what is lost of ${backend} was called ${times} by ${cut(users)}, last at ${formatTime(last)}: ${cut(tools)}`;
}

/** How much the logs could tell; that nobody used something they never prove. */
export function logWords({ since, counts, lost }: RecordedUses): readonly string[] {
  const calls = lost.reduce((sum, use) => sum + use.calls, 0);
  const span = `since ${formatTime(since)} in ${plural(counts.records - counts.older, "record")}`;
  return [`Of what is lost, ${plural(calls, "call")} ${span}.`, ...logWarnings(counts)];
}

/** `1 grant added, 2 narrowed; 1 grows, 1 to write in production; 3 live keys of 2 users gain.` */
export function summarizeDiff({ diff, effects }: Pick<Comparison, "diff" | "effects">): string {
  const changes = grantChanges(diff);
  if (diff.roles.length + diff.backends.length === 0) return "No difference.";
  const kinds = Map.groupBy(changes, kindOf);
  const parts = [...kinds].map(([kind, each]) => `${each.length} ${kind}`);
  const renamed = diff.roles.filter(({ kind }) => kind === "renamed").length;
  if (renamed > 0) parts.push(`${plural(renamed, "role")} renamed`);
  const grown = changes.filter(({ grows }) => grows);
  const writes = grown.filter(({ isWrite }) => isWrite);
  const production = writes.filter(({ isProduction }) => isProduction);
  const growth = [
    `${grown.length} grow${grown.length === 1 ? "s" : ""}`,
    ...(writes.length === 0 ? [] : [`${writes.length} to write`]),
    ...(production.length === 0 ? [] : [`${production.length} to write to production`]),
  ];
  const grants = changes.length === 0 ? "No grant changed" : `Grants: ${parts.join(", ")}; ${growth.join(", ")}`;
  return `${[changes.length === 0 && renamed > 0 ? parts.join(", ") : grants, ...(effects ?? []).map(effectSummary)].join("; ")}.`;
}

function effectSummary({ role, keys, effect }: KeyEffect): string {
  const users = new Set(keys.map(({ user }) => user)).size;
  return `${plural(keys.length, "live key")} of ${plural(users, "user")} in ${role} ${verb(keys.length, effect)}`;
}
