import type { IncomingHttpHeaders } from "node:http";
import type { ToolRule } from "../../lib/policy/tools.ts";
import { SseCutter, withData } from "../mcp/sse.ts";
import { filterTools } from "../mcp/tool-list.ts";
import { isEncoded, mediaType } from "./response-headers.ts";

/** Turns what a backend sends into what the client gets; null refuses the answer. */
export interface Relay {
  /** Whether the length changes, so that Content-Length must not be relayed. */
  readonly changesLength: boolean;
  push(chunk: Buffer): Buffer | string | null;
  end(): Buffer | string | null;
}

/** More than any honest list of tools; beyond it the answer cannot be filtered, and is refused. */
const MAX_FILTERED = 16 * 1024 * 1024;
const NOTHING = Buffer.alloc(0);

const AS_IS: Relay = { changesLength: false, push: (chunk) => chunk, end: () => NOTHING };

/** For answers of backends that a grant narrows: lists of tools are filtered, everything else passes as it is. */
export function relayFor(headers: IncomingHttpHeaders, rule: ToolRule | null, isModern: boolean): Relay | null {
  if (rule === null) return AS_IS;
  if (isEncoded(headers)) return null;
  const type = mediaType(headers);
  if (type === "text/event-stream") return new FilteredStream(rule, isModern);
  return type === "application/json" ? new FilteredJson(rule, isModern) : AS_IS;
}

class FilteredJson implements Relay {
  readonly changesLength = true;
  readonly #rule: ToolRule;
  readonly #isModern: boolean;
  readonly #chunks: Buffer[] = [];
  #length = 0;

  constructor(rule: ToolRule, isModern: boolean) {
    this.#rule = rule;
    this.#isModern = isModern;
  }

  push(chunk: Buffer): Buffer | null {
    this.#length += chunk.length;
    this.#chunks.push(chunk);
    return this.#length > MAX_FILTERED ? null : NOTHING;
  }

  end(): Buffer | string | null {
    const whole = Buffer.concat(this.#chunks);
    return whole.length === 0 ? whole : filterTools(whole.toString("utf8"), this.#rule, this.#isModern);
  }
}

class FilteredStream implements Relay {
  readonly changesLength = true;
  readonly #rule: ToolRule;
  readonly #isModern: boolean;
  readonly #cutter = new SseCutter(MAX_FILTERED);

  constructor(rule: ToolRule, isModern: boolean) {
    this.#rule = rule;
    this.#isModern = isModern;
  }

  push(chunk: Buffer): string | null {
    const events = this.#cutter.push(chunk);
    if (events === null) return null;
    let out = "";
    for (const event of events) {
      // Empty data primes a client for resumption; it lists nothing.
      const filtered =
        event.data === null || event.data === "" ? event.data : filterTools(event.data, this.#rule, this.#isModern);
      if (filtered === null && event.data !== null) return null;
      out += filtered === event.data ? event.raw : withData(event, filtered as string);
    }
    return out;
  }

  end(): string {
    return "";
  }
}
