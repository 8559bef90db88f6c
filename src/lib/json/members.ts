/** An object as JSON has it, of whose members nothing is known. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Has it no other members than these? */
export function hasOnly(value: JsonObject, names: readonly string[]): boolean {
  return Object.keys(value).every((name) => names.includes(name));
}

/** The member itself, never something inherited. */
export function at(value: unknown, name: string): unknown {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

export function textAt(value: unknown, name: string): string | null {
  const member = at(value, name);
  return typeof member === "string" ? member : null;
}
