import { matchNamespace, matchRule, type Asked } from "./asked.ts";
import type { Grants } from "./grants.ts";
import type { Binding } from "./rbac-objects.ts";
import type { Granted } from "./words.ts";

/** A rule that would allow a request if one thing were otherwise. */
export interface Nearest {
  readonly granted: Granted;
  readonly lacks: "name" | "verb" | "namespace";
}

/** Rules of more bindings than these are not looked at: it is only a hint. */
const MAX_BINDINGS = 200;

/** Of the rules that do not allow this and that nothing contradicts, which would with another name, another verb or in another namespace? */
export function nearest(
  grants: Grants,
  asked: Asked,
  rulesOf: (binding: Binding) => Iterable<Granted>,
): Nearest | null {
  const found = new Map<Nearest["lacks"], Nearest>();
  const all = [...grants.clusterWide, ...[...grants.byNamespace.values()].flat()].slice(0, MAX_BINDINGS);
  for (const [binding, ...others] of all) {
    if (others.length > 0) continue;
    const isHere = binding.namespace === null || matchNamespace(asked, binding.namespace) !== "no";
    for (const granted of rulesOf(binding)) {
      const lacks = isHere ? lackOf(granted, asked) : matchRule(granted.rule, asked) === "no" ? null : "namespace";
      if (lacks !== null && !found.has(lacks)) found.set(lacks, { granted, lacks });
    }
  }
  return found.get("name") ?? found.get("verb") ?? found.get("namespace") ?? null;
}

function lackOf({ rule }: Granted, asked: Asked): "name" | "verb" | null {
  if (matchRule({ ...rule, resourceNames: [] }, asked) !== "no") return "name";
  return matchRule({ ...rule, verbs: ["*"] }, asked) === "no" ? null : "verb";
}
