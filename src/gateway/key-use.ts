import { Refusal } from "./refusal.ts";
import { TokenBucket } from "./token-bucket.ts";

/** How much one key may have of the gateway, and how much all keys together; 0 is no limit. */
export interface UseLimits {
  /** Requests per second in the long run; twice as many may come at once. */
  readonly callsPerSecond: number;
  readonly maxCallsPerKey: number;
  readonly maxStreamsPerKey: number;
  readonly maxCalls: number;
  readonly maxStreams: number;
  /** For the bodies of all calls together, and of one key's. */
  readonly maxBodyBytes: number;
  readonly maxBodyBytesPerKey: number;
}

const BURST_SECONDS = 2;
/** What must be read and judged is paid for by its size: so many bytes count as one more request. */
const BYTES_PER_CALL = 64 * 1024;

/** A stream never ends by itself and costs little; a call ends, and may cost much. */
export type UseKind = "call" | "stream";

/** What is under way. */
interface Load {
  readonly calls: Record<UseKind, number>;
  bodyBytes: number;
}

interface Use extends Load {
  /** Requests that may still come; null without a limit. */
  readonly requests: TokenBucket | null;
}

/** Counts what each key has under way, so that no key takes the gateway from the others. Only keys that are good get here. */
export class KeyUses {
  readonly #limits: UseLimits;
  readonly #monotonic: () => number;
  readonly #byKey = new Map<string, Use>();
  readonly #all: Load = noLoad();

  constructor(limits: UseLimits, monotonic: () => number) {
    this.#limits = limits;
    this.#monotonic = monotonic;
  }

  /** Lets one more request of this key in. @throws Refusal rate_limited, too_many_calls, overloaded */
  enter(keyHash: string, kind: UseKind): Ticket {
    const now = this.#monotonic();
    const use = this.#of(keyHash, now);
    if (use.requests?.take(now) === false) throw new Refusal("rate_limited");
    const ticket = new Ticket(this.#limits, use, this.#all);
    ticket.becomes(kind);
    return ticket;
  }

  /** Forgets the keys that have nothing under way and their whole allowance back. */
  forgetIdle(): void {
    const now = this.#monotonic();
    for (const [hash, { calls, requests }] of this.#byKey) {
      const isIdle = calls.call === 0 && calls.stream === 0 && requests?.isFull(now) !== false;
      if (isIdle) this.#byKey.delete(hash);
    }
  }

  #of(keyHash: string, now: number): Use {
    let use = this.#byKey.get(keyHash);
    if (use === undefined) {
      use = { ...noLoad(), requests: this.#newBucket(now) };
      this.#byKey.set(keyHash, use);
    }
    return use;
  }

  #newBucket(now: number): TokenBucket | null {
    const { callsPerSecond: perSecond } = this.#limits;
    return perSecond === 0 ? null : new TokenBucket({ perSecond, burst: perSecond * BURST_SECONDS }, now);
  }
}

function noLoad(): Load {
  return { calls: { call: 0, stream: 0 }, bodyBytes: 0 };
}

/** What one request holds; given back whole when it is over. */
export class Ticket {
  readonly #limits: UseLimits;
  readonly #key: Use;
  readonly #all: Load;
  #kind: UseKind | null = null;
  #bodyBytes = 0;

  constructor(limits: UseLimits, key: Use, all: Load) {
    this.#limits = limits;
    this.#key = key;
    this.#all = all;
  }

  /** Counts it as one of these from here on: a call may turn out to open a stream. @throws Refusal */
  becomes(kind: UseKind): void {
    const { maxCallsPerKey, maxStreamsPerKey, maxCalls, maxStreams } = this.#limits;
    const [ofKey, ofAll] = kind === "call" ? [maxCallsPerKey, maxCalls] : [maxStreamsPerKey, maxStreams];
    if (isReached(this.#key.calls[kind], ofKey)) throw new Refusal("too_many_calls");
    if (isReached(this.#all.calls[kind], ofAll)) throw new Refusal("overloaded");
    this.#key.calls[kind] += 1;
    this.#all.calls[kind] += 1;
    this.#close();
    this.#kind = kind;
  }

  /** Sets room aside for so much more of the body; null when there was some, else why there was none. */
  takeBody(bytes: number): "too_many_calls" | "overloaded" | null {
    const { maxBodyBytes, maxBodyBytesPerKey } = this.#limits;
    if (this.#key.bodyBytes + bytes > maxBodyBytesPerKey) return "too_many_calls";
    if (this.#all.bodyBytes + bytes > maxBodyBytes) return "overloaded";
    const before = Math.floor(this.#bodyBytes / BYTES_PER_CALL);
    this.#holdBody(bytes);
    this.#key.requests?.spend(Math.floor(this.#bodyBytes / BYTES_PER_CALL) - before);
    return null;
  }

  leave(): void {
    this.#close();
    this.#holdBody(-this.#bodyBytes);
  }

  #close(): void {
    if (this.#kind === null) return;
    this.#key.calls[this.#kind] -= 1;
    this.#all.calls[this.#kind] -= 1;
    this.#kind = null;
  }

  #holdBody(bytes: number): void {
    this.#bodyBytes += bytes;
    this.#key.bodyBytes += bytes;
    this.#all.bodyBytes += bytes;
  }
}

function isReached(count: number, limit: number): boolean {
  return limit !== 0 && count >= limit;
}
