/** An object as JSON has it, of whose members nothing is known. */
export type Json = Readonly<Record<string, unknown>>;

export function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Strict validation takes no others; a lax API server drops them, and with a misspelt one all that it says. */
export function hasOnly(value: Json, names: readonly string[]): boolean {
  return Object.keys(value).every((name) => names.includes(name));
}

/** The member itself, never something inherited. */
export function at(value: unknown, name: string): unknown {
  return isJson(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

export function textAt(value: unknown, name: string): string | null {
  const member = at(value, name);
  return typeof member === "string" ? member : null;
}
