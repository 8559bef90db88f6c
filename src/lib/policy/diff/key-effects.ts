import type { Roles } from "../role-file.ts";
import type { LiveKey } from "../rules/subject.ts";
import type { PolicyDiff, RoleChange } from "./policy-diff.ts";

/** What a change of one role means for the live keys that have it. */
export interface KeyEffect {
  readonly role: string;
  readonly keys: readonly LiveKey[];
  /** `die`: no role of that name is left, and they open nothing. */
  readonly effect: "die" | "gain" | "lose" | "gain and lose";
}

/** Which live keys gain or lose something, and which would die? Keys that die first. */
export function keyEffects({ roles }: PolicyDiff, after: Roles, live: readonly LiveKey[]): readonly KeyEffect[] {
  const byRole = Map.groupBy(live, ({ role }) => role);
  const effects: KeyEffect[] = [];
  for (const change of roles) {
    for (const [role, effect] of effectsOf(change)) {
      const keys = byRole.get(role);
      if (keys === undefined) continue;
      effects.push({ role, keys, effect: after.has(role) ? effect : "die" });
    }
  }
  return effects.toSorted((a, b) => Number(b.effect === "die") - Number(a.effect === "die"));
}

/** By the name of the role that keys have: of a renamed one the old name's keys die, and keys of the new name gain it all. */
function effectsOf({ role, kind, from, grants }: RoleChange): readonly (readonly [string, KeyEffect["effect"]])[] {
  if (kind === "removed") return [[role, "die"]];
  if (kind === "renamed")
    return [
      [from as string, "die"],
      [role, "gain"],
    ];
  const gains = grants.some(({ grows }) => grows);
  const loses = grants.some(({ shrinks }) => shrinks);
  if (!gains && !loses) return [];
  return [[role, gains && loses ? "gain and lose" : gains ? "gain" : "lose"]];
}
