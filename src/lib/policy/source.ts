/** Where something stands: `line` and `column` count from 1, columns in UTF-16 units. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export type Severity = "error" | "warning" | "info";

/** Something worth telling about a file. `code` is a rule of docs/rules.md, e.g. MC003. */
export interface Finding {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly place: Place;
  /** How many columns of the line are meant, from the place on; at least 1. */
  readonly length: number;
  /** The source line, at most 200 characters of it, and what to do. */
  readonly excerpt: string | null;
  readonly hint: string | null;
  /** Whether the file could not be read at all (exit 3), rather than read and found wrong (exit 1). */
  readonly isUnreadable: boolean;
  /** What would mend it, where that is safe: it changes no grant that was read. */
  readonly fix?: Fix;
}

/** A change of a file's text, from offset `from` to before `to`, in UTF-16 units of the whole file. */
export interface Fix {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

export function isError(finding: Finding): boolean {
  return finding.severity === "error";
}

export function formatPlace(place: Place): string {
  return `${place.file}:${place.line}:${place.column}`;
}

const MAX_EXCERPT = 200;

/** Where an embedded text begins in its file, when its lines are lines of that file; else the one place to tell. */
export interface Embedding {
  readonly outer: SourceText;
  readonly start: Place;
  readonly isLineByLine: boolean;
}

/** The text of one file, or one embedded in it, and where each of its offsets stands. */
export class SourceText {
  readonly file: string;
  readonly text: string;
  readonly #embedding: Embedding | null;
  readonly #lineStarts: readonly number[];

  constructor(file: string, text: string, embedding: Embedding | null = null) {
    this.file = file;
    this.text = text;
    this.#embedding = embedding;
    const starts = [0];
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
    this.#lineStarts = starts;
  }

  place(offset: number): Place {
    const line = this.#lineOf(offset);
    // A byte order mark is no column of the first line.
    const column = offset - (this.#lineStarts[line] as number) - (line === 0 && offset > 0 ? this.#markLength() : 0);
    if (this.#embedding === null) return { file: this.file, line: line + 1, column: column + 1 };
    const { start, isLineByLine } = this.#embedding;
    return isLineByLine ? { file: this.file, line: start.line + line, column: start.column + column } : start;
  }

  /** The offset in the whole file of an offset in this text; null where its lines are not lines of the file. */
  outerOffset(offset: number): number | null {
    if (this.#embedding === null) return offset;
    if (!this.#embedding.isLineByLine) return null;
    const { line, column } = this.place(offset);
    return this.#embedding.outer.#offsetOf(line, column);
  }

  /** A change of this text as one of the file; null where that cannot be told. */
  fix(from: number, to: number, text: string): Fix | null {
    const [outerFrom, outerTo] = [this.outerOffset(from), this.outerOffset(to)];
    return outerFrom === null || outerTo === null ? null : { from: outerFrom, to: outerTo, text };
  }

  /** The removal of the whole line that an offset stands in, from the file; null where that cannot be told. */
  lineRemoval(offset: number): Fix | null {
    if (this.outerOffset(offset) === null) return null;
    const { line } = this.place(offset);
    const outer = this.#embedding?.outer ?? this;
    const from = outer.#offsetOf(line, 1);
    return { from, to: outer.#lineStarts[line] ?? outer.text.length, text: "" };
  }

  #offsetOf(line: number, column: number): number {
    return (this.#lineStarts[line - 1] ?? this.text.length) + column - 1 + (line === 1 ? this.#markLength() : 0);
  }

  /** The text of line `line` (from 1), without its line end. */
  line(line: number): string {
    const start = (this.#lineStarts[line - 1] ?? this.text.length) + (line === 1 ? this.#markLength() : 0);
    const end = this.#lineStarts[line] ?? this.text.length + 1;
    return this.text
      .slice(start, end - 1)
      .replace(/\r$/, "")
      .slice(0, MAX_EXCERPT);
  }

  finding(code: string, offset: number, message: string, more: Partial<Finding> = {}): Finding {
    const place = this.place(Math.min(offset, this.text.length));
    return {
      code,
      severity: "error",
      message,
      place,
      length: 1,
      excerpt: (this.#embedding?.outer ?? this).line(place.line),
      hint: null,
      isUnreadable: false,
      ...more,
    };
  }

  #markLength(): number {
    return this.text.startsWith("\ufeff") ? 1 : 0;
  }

  /** Last line whose start is at or before `offset`, from 0. */
  #lineOf(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** The largest policy file that is read. */
export const MAX_POLICY_BYTES = 64 * 1024 * 1024;

/** A line end or a control character on which parsers differ: lone CR, NEL, LS, PS, and C0, DEL, C1 but tab and LF. */
const FORBIDDEN = /\r(?!\n)|[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029]|(?!^)\ufeff/;

export type SourceReading =
  | { readonly ok: true; readonly source: SourceText }
  | { readonly ok: false; readonly finding: Finding };

/** Is this a text that every parser splits into the same lines? UTF-8, a BOM and CRLF allowed, at most 64 MiB. */
export function decodeSource(file: string, bytes: Uint8Array): SourceReading {
  if (bytes.length > MAX_POLICY_BYTES) return unreadable(file, "MC001", "the file is larger than 64 MiB");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return unreadable(file, "MC001", "the file is not UTF-8");
  }
  const source = new SourceText(file, text);
  const finding = findForbidden(source);
  return finding === null ? { ok: true, source } : { ok: false, finding };
}

/** The first character on which parsers differ, or null. */
export function findForbidden(source: SourceText): Finding | null {
  const bad = FORBIDDEN.exec(source.text);
  if (bad === null) return null;
  const code = (bad[0].codePointAt(0) as number).toString(16).toUpperCase().padStart(4, "0");
  return source.finding("MC110", bad.index, `U+${code}: parsers differ on this character`, {
    hint: "Remove it; end lines with LF or CRLF.",
    excerpt: null,
    isUnreadable: true,
  });
}

function unreadable(file: string, code: string, message: string): SourceReading {
  return {
    ok: false,
    finding: new SourceText(file, "").finding(code, 0, message, { isUnreadable: true, excerpt: null }),
  };
}
