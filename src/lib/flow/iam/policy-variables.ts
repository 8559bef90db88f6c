import type { PatternPart } from "./glob.ts";

/** The value of a key of the request's context, by its name in lower case; null where it is not known. */
export type Told = (key: string) => string | null;

const OPENING = "${";
const VARIABLE = /\$\{([^}]*)\}/g;
const COLONS_BEFORE_RESOURCE = 5;
const LITERALS = new Set(["*", "?", "$"]);

/** Does this text name a value of the request? Policies before version 2012-10-17 know no variables. */
export function hasVariables(text: string): boolean {
  return text.includes(OPENING);
}

/**
 * A text of a policy with its variables' values put in, in which no wildcard counts. `${*}`, `${?}` and `${$}` are those
 * characters themselves; `${key, 'else'}` has a value for requests without the key, which nobody can tell beforehand.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
 */
export function partsOf(text: string, told: Told): readonly PatternPart[] {
  const parts: PatternPart[] = [];
  let from = 0;
  for (let at = text.indexOf(OPENING); at >= 0; at = text.indexOf(OPENING, from)) {
    const end = text.indexOf("}", at);
    if (at > from) parts.push({ glob: text.slice(from, at) });
    // Without an end nobody says what it means.
    parts.push(end < 0 ? "untold" : valueOf(text.slice(at + OPENING.length, end), told));
    from = end < 0 ? text.length : end + 1;
  }
  if (from < text.length || parts.length === 0) parts.push({ glob: text.slice(from) });
  return parts;
}

function valueOf(name: string, told: Told): PatternPart {
  if (LITERALS.has(name)) return { literal: name };
  const value = told(keyOf(name));
  return value === null ? "untold" : { literal: value };
}

function keyOf(name: string): string {
  const [key = ""] = name.split(",");
  return lower(key.trim());
}

/** The same of an ARN, in which AWS fills no variable before the fifth colon. */
export function arnPartsOf(text: string, told: Told): readonly PatternPart[] {
  let colons = 0;
  return partsOf(text, told).map((part) => {
    if (part === "untold") return part;
    if ("literal" in part) return colons < COLONS_BEFORE_RESOURCE ? "untold" : part;
    colons += part.glob.split(":").length - 1;
    return part;
  });
}

/** The keys, in lower case, whose values a text names. */
export function keysIn(text: string): readonly string[] {
  const names = [...text.matchAll(VARIABLE)].map((match) => match[1] as string);
  return names.filter((name) => !LITERALS.has(name)).map(keyOf);
}

/** Lower case as IAM compares names: of ASCII alone. */
export function lower(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
