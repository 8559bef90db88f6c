/** A JSON value as its text has it: numbers and literals are their letters, so that nothing is lost. */
export type Json =
  | { readonly kind: "object"; readonly members: ReadonlyMap<string, Json> }
  | { readonly kind: "array"; readonly items: readonly Json[] }
  | { readonly kind: "string"; readonly value: string; readonly raw: string }
  | { readonly kind: "plain"; readonly raw: string };

const PLAIN = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SPACE = /[ \t\n\r]*/y;
const ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/**
 * What does this body say, to a reader that shares no line with the gateway's? RFC 8259, in UTF-8, and stricter: a name
 * stands once in its object. @throws Error for anything else
 */
export function readStrictJson(body: Buffer): Json {
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  const reader = new Reader(text);
  const value = reader.value();
  reader.end();
  return value;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): Json {
    this.#take(SPACE);
    const letter = this.#text[this.#at];
    if (letter === "{") return this.#object();
    if (letter === "[") return this.#array();
    if (letter === '"') return this.#string();
    return { kind: "plain", raw: this.#take(PLAIN) };
  }

  end(): void {
    this.#take(SPACE);
    if (this.#at !== this.#text.length) throw new Error(`JSON goes on at ${this.#at}`);
  }

  #object(): Json {
    const members = new Map<string, Json>();
    this.#list("}", () => {
      this.#take(SPACE);
      const { value: name } = this.#string();
      this.#take(SPACE);
      if (this.#text[this.#at++] !== ":") throw new Error(`no colon at ${this.#at - 1}`);
      if (members.has(name)) throw new Error(`the name ${JSON.stringify(name)} stands twice`);
      members.set(name, this.value());
    });
    return { kind: "object", members };
  }

  #array(): Json {
    const items: Json[] = [];
    this.#list("]", () => void items.push(this.value()));
    return { kind: "array", items };
  }

  #list(end: string, item: () => void): void {
    this.#at += 1;
    this.#take(SPACE);
    if (this.#text[this.#at] === end) {
      this.#at += 1;
      return;
    }
    for (;;) {
      item();
      this.#take(SPACE);
      const letter = this.#text[this.#at++];
      if (letter === end) return;
      if (letter !== ",") throw new Error(`no comma at ${this.#at - 1}`);
    }
  }

  #string(): Json & { readonly kind: "string" } {
    const raw = this.#take(STRING);
    const value = raw
      .slice(1, -1)
      .replace(/\\(?:u(....)|(.))/g, (_all, code?: string, letter = "") =>
        code === undefined ? (ESCAPES[letter] ?? letter) : String.fromCharCode(Number.parseInt(code, 16)),
      );
    return { kind: "string", value, raw };
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw new Error(`no JSON at ${this.#at}`);
    this.#at += found.length;
    return found;
  }
}
