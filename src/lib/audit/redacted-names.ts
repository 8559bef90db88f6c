import { stringAt } from "../json/raw-json.ts";

/**
 * Members whose whole value is kept out of the log, whatever it is. In the form in which names are compared:
 * lower case, without `_` and `-`; `apikey` stands for `api_key`, `API-Key` and `apiKey` too.
 */
export const DEFAULT_REDACTED_NAMES: readonly string[] = [
  "password",
  "passwd",
  "passphrase",
  "apikey",
  "accesstoken",
  "refreshtoken",
  "clientsecret",
  "secretkey",
  "secretaccesskey",
  "sessiontoken",
  "privatekey",
  "authorization",
  "pwd",
  "token",
  "bearer",
  "cookie",
  "credentials",
  "idtoken",
  "awssecretaccesskey",
  "awssessiontoken",
  "dbpassword",
  "userpassword",
  "newpassword",
  "oldpassword",
  "currentpassword",
];

const UNDERSCORE = 0x5f;
const HYPHEN = 0x2d;
const BACKSLASH = 0x5c;

/** The names that go on from here, by the code of their next character. */
interface Branch {
  readonly next: Map<number, Branch>;
  isName: boolean;
}

/** A list of such names, asked for every member of every call: most names are told apart by their first character. */
export class RedactedNames {
  readonly #names: ReadonlySet<string>;
  readonly #tree: Branch = { next: new Map(), isName: false };

  constructor(names: readonly string[]) {
    this.#names = new Set(names.map(normalized));
    for (const name of this.#names) grow(this.#tree, name);
  }

  /** Is the string literal of these offsets, quotes included, one of these names? */
  has(text: string, start: number, end: number): boolean {
    let branch = this.#tree;
    for (let at = start + 1; at < end - 1; at += 1) {
      const code = text.charCodeAt(at);
      if (code === UNDERSCORE || code === HYPHEN) continue;
      if (code >= 0x80 || code === BACKSLASH) return this.#names.has(normalized(stringAt(text, start, end)));
      const next = branch.next.get(lowerCase(code));
      if (next === undefined) return false;
      branch = next;
    }
    return branch.isName;
  }
}

function grow(tree: Branch, name: string): void {
  let branch = tree;
  for (let at = 0; at < name.length; at += 1) {
    const code = name.charCodeAt(at);
    const next = branch.next.get(code) ?? { next: new Map(), isName: false };
    branch.next.set(code, next);
    branch = next;
  }
  branch.isName = true;
}

/** Upper case first: then the long s and the Kelvin sign count as the letters that some parsers take them for. */
function normalized(name: string): string {
  return name.toUpperCase().toLowerCase().replaceAll(/[_-]/g, "");
}

function lowerCase(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
}
