import { commentsOf } from "../comments.ts";
import { formatPlace, type Finding } from "../source.ts";
import { roleShape } from "../grant-shape.ts";
import type { Role } from "../role-file.ts";
import { backendSpot, roleSpot, tell, type CheckedRoles, type Subject } from "./subject.ts";

/** MC401: do two roles of one file grant the same? */
export function equalRoles(_subject: Subject, file: CheckedRoles): readonly Finding[] {
  const seen = new Map<string, Role>();
  return [...file.roles.values()].flatMap((role) => {
    if (role.grants.size === 0) return [];
    const shape = roleShape(role);
    const first = seen.get(shape);
    if (first === undefined) seen.set(shape, role);
    if (first === undefined) return [];
    const message = `"${role.name}" grants the same as "${first.name}" at ${formatPlace(first.place)}`;
    return [tell("MC401", roleSpot(file, role), message, "One of the two is enough, unless they are to part.")];
  });
}

/** MC404: is a server running that nobody may call? */
export function ungrantedBackends(subject: Subject): readonly Finding[] {
  const granted = new Set(
    subject.files.flatMap(({ roles }) => [...roles.values()].flatMap(({ grants }) => [...grants.keys()])),
  );
  return [...subject.registry.values()]
    .filter(({ name }) => !granted.has(name))
    .map((backend) =>
      tell(
        "MC404",
        backendSpot(subject, backend),
        `no role is granted "${backend.name}"`,
        "Grant it, or end the server.",
      ),
    );
}

/** MC405: did a role grow by more than a reviewer takes in at a glance? */
export function roleGrowth({ base, settings }: Subject, file: CheckedRoles): readonly Finding[] {
  return [...file.roles.values()].flatMap((role) => {
    const before = base?.get(role.name);
    if (before === undefined) return [];
    const added = [...role.grants.keys()].filter((backend) => !before.grants.has(backend));
    if (added.length <= settings.growth) return [];
    const message = `"${role.name}" gains ${added.length} grants at once: ${added.slice(0, 8).join(", ")}${added.length > 8 ? " ..." : ""}`;
    return [tell("MC405", roleSpot(file, role), message, "See them all with `mcpctl roles diff --base`.")];
  });
}

/** MC406: does a comment at the role, or alone above it, say `owner: somebody`? */
export function ownerless(_subject: Subject, file: CheckedRoles): readonly Finding[] {
  const owned = new Set<number>();
  let [below, nextAlone] = [0, 0];
  // From the last to the first, so that each of a million comments above one another knows the line below them.
  for (const { at, text, isAlone } of commentsOf(file.source).toReversed()) {
    const { line } = file.source.place(at);
    if (isAlone && line + 1 !== nextAlone) below = line + 1;
    if (isAlone) nextAlone = line;
    if (/\bowner:?\s+\S/i.test(text)) owned.add(isAlone ? below : line);
  }
  return [...file.roles.values()]
    .filter(({ place }) => !owned.has(place.line))
    .map((role) =>
      tell(
        "MC406",
        roleSpot(file, role),
        `"${role.name}" names no owner`,
        "Write `# owner: team` at its line or above it.",
      ),
    );
}
