/** More names than any team has; a caller can make up others without end. */
const MAX_UNITS = 8 * 1024 * 1024;

/** One copy of each name: equal ones become one string, and none keeps the text that it was cut out of in memory. */
export class NamePool {
  readonly #names = new Map<string, string>();
  #units = 0;

  of(name: string | null): string | null {
    if (name === null) return null;
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const copy = detached(name);
    if (this.#units + copy.length > MAX_UNITS) return copy;
    this.#units += copy.length;
    this.#names.set(copy, copy);
    return copy;
  }
}

/** An equal text that is no slice of another. */
export function detached(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string;
}
