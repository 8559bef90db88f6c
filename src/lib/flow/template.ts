/** The place of an argument of a call, in a text of the registry: `{namespace}`. */
export interface Hole {
  readonly argument: string;
}

/** A text some of which only a call's arguments tell; without holes it is that text. */
export type Template = readonly (string | Hole)[];

/** Does something hold: for every value of what is not known, for none, or for some? */
export type Match = "yes" | "no" | "maybe";

const HOLE = /\{([^{}]+)\}/g;

/** Reads `{name}` as an argument's place, and everything else as it stands. */
export function parseTemplate(text: string): Template {
  const parts: (string | Hole)[] = [];
  let from = 0;
  for (const match of text.matchAll(HOLE)) {
    if (match.index > from) parts.push(text.slice(from, match.index));
    parts.push({ argument: match[1] as string });
    from = match.index + match[0].length;
  }
  if (from < text.length) parts.push(text.slice(from));
  return parts;
}

/** The same with the arguments that are known put in, exactly as they are: no brace in them is read again. */
export function fillTemplate(template: Template, args: ReadonlyMap<string, string>): Template {
  const parts: (string | Hole)[] = [];
  for (const part of template) {
    const known = typeof part === "string" ? part : (args.get(part.argument) ?? part);
    const last = parts.at(-1);
    if (typeof known === "string" && typeof last === "string") parts[parts.length - 1] = last + known;
    else if (known !== "") parts.push(known);
  }
  return parts;
}

/** What it says once everything is known; null while something is not. */
export function textOf(template: Template): string | null {
  if (template.length === 0) return "";
  const [only, ...others] = template;
  return typeof only === "string" && others.length === 0 ? only : null;
}

/** For people: as it is written in the registry, with what is known put in. */
export function showTemplate(template: Template): string {
  return template.map((part) => (typeof part === "string" ? part : `{${part.argument}}`)).join("");
}

/** The arguments whose values are not known. */
export function holesOf(template: Template): readonly string[] {
  return template.flatMap((part) => (typeof part === "string" ? [] : [part.argument]));
}

/** Is this that text? A hole stands for any text, the empty one included. */
export function matchText(template: Template, text: string): Match {
  const known = textOf(template);
  if (known !== null) return known === text ? "yes" : "no";
  let from = 0;
  const [first] = template;
  const last = template.at(-1);
  if (typeof first === "string") {
    if (!text.startsWith(first)) return "no";
    from = first.length;
  }
  const end = typeof last === "string" ? text.length - last.length : text.length;
  if (end < from || (typeof last === "string" && !text.endsWith(last))) return "no";
  const inner = template.slice(typeof first === "string" ? 1 : 0, typeof last === "string" ? -1 : undefined);
  for (const part of inner) {
    if (typeof part !== "string") continue;
    const at = text.indexOf(part, from);
    if (at < 0 || at + part.length > end) return "no";
    from = at + part.length;
  }
  return "maybe";
}
