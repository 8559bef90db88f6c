/** One server-sent event: its bytes as they came, and the data that a client will read from it (WHATWG HTML, section 9.2). */
export interface SseEvent {
  readonly raw: string;
  /** Null for an event without data: a comment, an id, a retry time. */
  readonly data: string | null;
}

/** Cuts a stream of server-sent events into events, whatever its chunks and line ends. */
export class SseCutter {
  readonly #maxLength: number;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** What came since the last event, in pieces: joining them at every chunk would be quadratic. */
  #pieces: string[] = [];
  #length = 0;
  #tail = "";
  #isFirst = true;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** How much of an event that is not whole yet is held. */
  get heldLength(): number {
    return this.#length;
  }

  /** The events that are whole now. Null when one is longer than the limit. */
  push(chunk: Uint8Array): readonly SseEvent[] | null {
    const text = this.#withoutMark(this.#decoder.decode(chunk, { stream: true }));
    // What was searched before holds no blank line, but its last line end may be half of one.
    const isWhole = endOfEvent(this.#tail + text, 0) !== null;
    this.#hold(text);
    if (!isWhole) return this.#length > this.#maxLength ? null : [];
    const events: SseEvent[] = [];
    let rest = this.#pieces.join("");
    for (let end = endOfEvent(rest, 0); end !== null; end = endOfEvent(rest, 0)) {
      events.push(readEvent(rest.slice(0, end)));
      rest = rest.slice(end);
    }
    [this.#pieces, this.#length, this.#tail] = [[], 0, ""];
    this.#hold(rest);
    return this.#length > this.#maxLength ? null : events;
  }

  #hold(text: string): void {
    this.#pieces.push(text);
    this.#length += text.length;
    this.#tail = (this.#tail + text).slice(-3);
  }

  /** A byte order mark is allowed at the start of the stream, and is no part of its first line. */
  #withoutMark(text: string): string {
    if (!this.#isFirst || text === "") return text;
    this.#isFirst = false;
    return text.replace(/^\uFEFF/, "");
  }
}

/** Fields that a client acts on. */
const KEPT_LINE = /^(?:event|id|retry):/;
/** What some client takes for a line end, or for nothing at the start of a line, and no standard does. */
const ODD = /[\v\f\u001c-\u001e\u0085\u2028\u2029\ufeff]/;

/** Could clients differ on where the lines of this event begin? Then it must not go out as it came. */
export function isReadTwoWays(event: SseEvent): boolean {
  return ODD.test(event.raw);
}

/**
 * The same event with other data, which is JSON, or with none; of the other lines those stay that a client acts on and
 * that every client reads alike. What is odd in the data is escaped, which changes nothing in JSON.
 */
export function withData(event: SseEvent, data: string | null): string {
  const kept = event.raw.split(/\r\n|\n|\r/).filter((line) => KEPT_LINE.test(line) && !ODD.test(line));
  const lines = data === null ? [] : data.split(/\r\n|\n|\r/).map((line) => `data: ${escaped(line)}`);
  return kept.length + lines.length === 0 ? "" : [...kept, ...lines, "", ""].join("\n");
}

function escaped(json: string): string {
  return json.replaceAll(new RegExp(ODD, "g"), (odd) => `\\u${odd.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function readEvent(raw: string): SseEvent {
  const lines = raw.split(/\r\n|\n|\r/);
  const data = lines.filter(isDataLine).map((line) => line.slice("data:".length).replace(/^ /, ""));
  return { raw, data: data.length === 0 ? null : data.join("\n") };
}

function isDataLine(line: string): boolean {
  return line.startsWith("data:") || line === "data";
}

/** A line end and another; the two halves of one CRLF are not two. */
const BLANK_LINE = /(?:\r\n|\r(?!\n)|\n)(?:\r\n|\r|\n)/g;

/** Does this text end where an event ends? Half of a CRLF may be missing: its other half would then say nothing. */
export function endsWithBlankLine(text: string): boolean {
  return /(?:\r\n|\r(?!\n)|\n)(?:\r\n|\r|\n)$/.test(text);
}

/** The offset after the first blank line. Half a line end that is left over begins the next event, where it says nothing. */
function endOfEvent(text: string, from: number): number | null {
  BLANK_LINE.lastIndex = from;
  return BLANK_LINE.test(text) ? BLANK_LINE.lastIndex : null;
}
