import type { KubernetesRequest } from "./requests.ts";
import { NAMELESS_VERBS } from "./rbac/asked.ts";
import { textOf, type Template } from "./template.ts";

/**
 * Why may a server make another request of these texts than they say? A name with a slash is two names to the API server, which
 * reads paths, and one that is left empty makes a request for one object one for all of them. Null where it does as it is
 * told.
 */
export function oddNames({ verb, resource, namespace, name }: KubernetesRequest): string | null {
  if ([namespace, name].some((text) => text !== null && isOdd(text)) || isOddResource(resource))
    return "no object has such a name, and what a server makes of it is not known";
  const isNameless = name !== null && textOf(name) === "" && !NAMELESS_VERBS.includes(textOf(verb) ?? "");
  return isNameless ? "an empty name names no object, and what a server makes of it is not known" : null;
}

/** The API takes no such name (apimachinery, IsValidPathSegmentName), whatever the rest of it is. */
function isOdd(text: Template): boolean {
  return text.some((part) => typeof part === "string" && /[/%]/.test(part)) || isDots(textOf(text));
}

function isOddResource(resource: Template): boolean {
  const known = textOf(resource);
  if (known === null) return false;
  const [, ...rest] = known.split("/");
  return rest.length > 1 || rest.some(isDots) || known.includes("%");
}

function isDots(text: string | null): boolean {
  return text === "." || text === "..";
}
