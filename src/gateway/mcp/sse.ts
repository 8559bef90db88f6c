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
  #rest = "";

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** The events that are whole now. Null when one is longer than the limit. */
  push(chunk: Uint8Array): readonly SseEvent[] | null {
    // What was searched before holds no blank line, but its last line end may be half of one.
    const from = Math.max(0, this.#rest.length - 3);
    this.#rest += this.#decoder.decode(chunk, { stream: true });
    const events: SseEvent[] = [];
    for (let end = endOfEvent(this.#rest, from); end !== null; end = endOfEvent(this.#rest, 0)) {
      events.push(readEvent(this.#rest.slice(0, end)));
      this.#rest = this.#rest.slice(end);
    }
    return this.#rest.length > this.#maxLength ? null : events;
  }
}

/** The same event with other data; every line that is not data stays. */
export function withData(event: SseEvent, data: string): string {
  const lines = event.raw.split(/\r\n|\n|\r/);
  const kept = lines.filter((line) => line !== "" && !isDataLine(line));
  return [...kept, ...data.split(/\r\n|\n|\r/).map((line) => `data: ${line}`), "", ""].join("\n");
}

function readEvent(raw: string): SseEvent {
  // A byte order mark is allowed at the start of the stream, and is no part of the first line.
  const lines = raw.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
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
