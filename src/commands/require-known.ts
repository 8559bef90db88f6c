import { AppError } from "../lib/errors.ts";
import { nearest } from "../lib/suggest.ts";

/** How many names an error lists when none of them is near. */
const MOST_LISTED = 20;

/** What stands under a name. @throws AppError not-found, with the nearest name or the first of those that there are. */
export function requireKnown<T>(
  kind: "role" | "backend",
  name: string,
  known: ReadonlyMap<string, T>,
  label: string,
): T {
  const found = known.get(name);
  if (found !== undefined) return found;
  const near = nearest(name, known.keys());
  const all = [...known.keys()].slice(0, MOST_LISTED).join(", ");
  throw new AppError("not-found", `${kind}_not_found`, `there is no ${kind} "${name.slice(0, 80)}" in ${label}`, {
    hint: near === null ? `It has: ${all === "" ? "none" : all}.` : `Did you mean ${near}?`,
  });
}
