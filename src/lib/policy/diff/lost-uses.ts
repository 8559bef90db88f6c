import type { ReplayReport } from "../replay.ts";
import type { PolicyDiff, RoleChange } from "./policy-diff.ts";

/** How often what a role loses of a backend was used, and by whom. */
export interface LostUse {
  /** By the name that it had when the calls were recorded. */
  readonly role: string;
  readonly backend: string;
  readonly calls: number;
  readonly users: readonly string[];
  readonly tools: readonly string[];
  /** The last of them, milliseconds since 1970. */
  readonly last: number;
}

/**
 * Which recorded calls, replayed by the new policy, would be refused for what this change takes away? Of a role that is
 * removed or renamed, all of its name.
 */
export function lostUses({ roles }: PolicyDiff, { refused }: ReplayReport): readonly LostUse[] {
  const losing = new Map(
    roles.flatMap((change) => (loses(change) ? [[change.from ?? change.role, change] as const] : [])),
  );
  const calls = refused.filter(({ role, backend }) => {
    const change = losing.get(role);
    return change !== undefined && (change.kind !== "changed" || isLost(change, backend));
  });
  return [...Map.groupBy(calls, ({ role, backend }) => JSON.stringify([role, backend])).values()]
    .map((same): LostUse => {
      const [first] = same;
      return {
        role: first?.role ?? "",
        backend: first?.backend ?? "",
        calls: same.reduce((sum, { count }) => sum + count, 0),
        users: [...new Set(same.map(({ user }) => user ?? "unknown"))],
        tools: [...new Set(same.map(({ tool, method }) => tool ?? method ?? "a stream"))],
        last: Math.max(...same.map(({ last }) => last)),
      };
    })
    .toSorted((a, b) => b.calls - a.calls);
}

function loses({ kind, grants }: RoleChange): boolean {
  return kind === "renamed" || kind === "removed" || grants.some(({ shrinks }) => shrinks);
}

function isLost({ grants }: RoleChange, backend: string): boolean {
  return grants.some((change) => change.backend === backend && change.shrinks);
}
