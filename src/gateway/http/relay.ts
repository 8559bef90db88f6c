import type { ToolRule } from "../../lib/policy/tools.ts";
import { endsWithBlankLine, isReadTwoWays, SseCutter, withData, type SseEvent } from "../mcp/sse.ts";
import type { BodyRoom } from "./body.ts";
import { KeptBytes, takeRoom } from "./kept-bytes.ts";
import { filterTools, mayListTools } from "../mcp/tool-list.ts";
import { isEncoded, isUtf8, type ResponseHeaders } from "./response-headers.ts";

/** Turns what a backend sends into what the client gets; null refuses the answer. */
export interface Relay {
  /** Whether the length changes, so that Content-Length must not be relayed. */
  readonly changesLength: boolean;
  /** Whether what was given out so far is whole events, so that one of our own may follow. */
  readonly isBetweenEvents: boolean;
  push(chunk: Buffer): Buffer | string | null;
  end(): Buffer | string | null;
}

/** More than any honest list of tools; beyond it the answer cannot be filtered, and is refused. */
const MAX_FILTERED = 8 * 1024 * 1024;
const NOTHING = Buffer.alloc(0);

const AS_IS: Relay = { changesLength: false, isBetweenEvents: false, push: (chunk) => chunk, end: () => NOTHING };
/** For an answer that may have no body, since none could be filtered. */
const NO_BODY: Relay = {
  changesLength: false,
  isBetweenEvents: false,
  push: (chunk) => (chunk.length === 0 ? NOTHING : null),
  end: () => NOTHING,
};
/** For an error told in some other form: the status counts (404 ends a session), its text is not relayed. */
const STATUS_ONLY: Relay = { changesLength: true, isBetweenEvents: false, push: () => NOTHING, end: () => NOTHING };

export interface Filter {
  /** Null where nothing is filtered. */
  readonly rule: ToolRule | null;
  readonly isModern: boolean;
  /** What must be held to be filtered is taken from here. */
  readonly room: BodyRoom;
}

export interface Answer {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly mediaType: string;
}

/** For answers of backends that a grant narrows: lists of tools are filtered, and what could hide one is not relayed. */
export function relayFor(answer: Answer, { rule, isModern, room }: Filter): Relay | null {
  const { status, headers, mediaType } = answer;
  const isStream = mediaType === "text/event-stream";
  if (rule === null) return isStream && !isEncoded(headers) ? new PlainStream() : AS_IS;
  // A part of a list, or letters of another alphabet, could not be filtered.
  if (isEncoded(headers) || status === 206 || !isUtf8(headers)) return null;
  if (isStream) return new FilteredStream(rule, isModern, room);
  if (mediaType === "application/json") return new FilteredJson(rule, isModern, room);
  return status >= 400 ? STATUS_ONLY : NO_BODY;
}

/** The longest end of an event: two line ends of two letters each. */
const TAIL_LENGTH = 4;

/** Events as they come, byte for byte; only where one ends is watched. */
class PlainStream implements Relay {
  readonly changesLength = true;
  #tail = "";

  get isBetweenEvents(): boolean {
    return this.#tail === "" || endsWithBlankLine(this.#tail);
  }

  push(chunk: Buffer): Buffer {
    this.#tail = (this.#tail + chunk.toString("latin1", Math.max(0, chunk.length - TAIL_LENGTH))).slice(-TAIL_LENGTH);
    return chunk;
  }

  end(): Buffer {
    return NOTHING;
  }
}

class FilteredJson implements Relay {
  readonly changesLength = true;
  readonly isBetweenEvents = false;
  readonly #rule: ToolRule;
  readonly #isModern: boolean;
  readonly #kept: KeptBytes;

  constructor(rule: ToolRule, isModern: boolean, room: BodyRoom) {
    this.#rule = rule;
    this.#isModern = isModern;
    this.#kept = new KeptBytes(MAX_FILTERED, room);
  }

  push(chunk: Buffer): Buffer | null {
    return this.#kept.add(chunk) ? NOTHING : null;
  }

  end(): Buffer | string | null {
    const { whole } = this.#kept;
    return !mayListTools(whole.toString("latin1"))
      ? whole
      : filterTools(whole.toString("utf8"), this.#rule, this.#isModern);
  }
}

class FilteredStream implements Relay {
  readonly changesLength = true;
  /** Always: half an event is not given out. */
  readonly isBetweenEvents = true;
  readonly #rule: ToolRule;
  readonly #isModern: boolean;
  readonly #cutter = new SseCutter(MAX_FILTERED);
  readonly #room: BodyRoom;
  /** As much as an event needed so far; it is not given back while the stream lives. */
  #roomTaken = 0;

  constructor(rule: ToolRule, isModern: boolean, room: BodyRoom) {
    this.#rule = rule;
    this.#isModern = isModern;
    this.#room = room;
  }

  push(chunk: Buffer): string | null {
    const events = this.#cutter.push(chunk);
    if (events === null) return null;
    this.#takeRoom(this.#cutter.heldLength);
    let out = "";
    for (const event of events) {
      const filtered = this.#filtered(event);
      if (filtered === null) return null;
      out += filtered;
    }
    return out;
  }

  /** The event as the client may have it; null when it cannot be read surely. */
  #filtered(event: SseEvent): string | null {
    const { data, raw } = event;
    const isOdd = isReadTwoWays(event);
    if (data === null || data === "") return isOdd ? withData(event, data) : raw;
    // A message of several lines, or with odd ones, is read whole, whatever words are in it.
    if (!isOdd && !data.includes("\n") && !mayListTools(data)) return raw;
    const filtered = filterTools(data, this.#rule, this.#isModern);
    if (filtered === null) return null;
    return !isOdd && filtered === data ? raw : withData(event, filtered);
  }

  end(): string {
    return "";
  }

  #takeRoom(length: number): void {
    if (length <= this.#roomTaken) return;
    takeRoom(this.#room, length - this.#roomTaken);
    this.#roomTaken = length;
  }
}
