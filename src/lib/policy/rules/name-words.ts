/** What the parts of a name between `-`, `.` and `_` say of access and environment; null where they say nothing. */
export interface NameWords {
  readonly access: "ro" | "rw" | null;
  readonly isProduction: boolean | null;
}

const READS = new Set(["ro", "readonly", "read", "view", "viewer", "reader"]);
const WRITES = new Set(["rw", "readwrite", "write", "writer", "edit", "editor", "admin"]);
const PRODUCTION = new Set(["prod", "production", "live"]);
const ELSEWHERE = new Set(["dev", "development", "test", "testing", "qa", "stage", "staging", "sandbox"]);

export function nameWords(name: string): NameWords {
  const parts = name.split(/[-._]/);
  const has = (words: ReadonlySet<string>): boolean => parts.some((part) => words.has(part));
  return {
    access: oneOf(has(READS), has(WRITES), "ro", "rw"),
    isProduction: oneOf(has(PRODUCTION), has(ELSEWHERE), true, false),
  };
}

function oneOf<A, B>(isFirst: boolean, isSecond: boolean, first: A, second: B): A | B | null {
  return isFirst === isSecond ? null : isFirst ? first : second;
}
