/** 64 MiB of table at most: four million records, of three gigabytes of log. */
const MAX_SLOTS = 2 ** 23;
const FIRST_SLOTS = 2 ** 12;
/** The part of the slots that is used before the table grows. */
const FULL = 1 / 2;
/** A table whose hashes were made to collide must not cost more than this for one record. */
const MAX_PROBES = 128;
const NO_ROOM = Infinity;

/**
 * Which records were seen before? Remembers 64 bits of a hash of each, which no two of a million share by chance, in memory
 * that is bounded: beyond the bound nothing more is remembered, and `forgotten` counts.
 */
export class SeenRecords {
  readonly #maxSlots: number;
  #slots = new Uint32Array(2 * FIRST_SLOTS);
  #used = 0;
  #forgotten = 0;
  /** The two halves of the hash of what was asked for last, the first never 0. */
  #high = 0;
  #low = 0;

  constructor(maxSlots = MAX_SLOTS) {
    this.#maxSlots = maxSlots;
  }

  /** How many were not remembered, so that a second one like them would pass for new. */
  get forgotten(): number {
    return this.#forgotten;
  }

  has(name: string, kind: number): boolean {
    this.#hash(name, kind);
    return this.#slotOf(this.#high, this.#low) < 0;
  }

  /** False when it was there before. */
  add(name: string, kind: number): boolean {
    this.#hash(name, kind);
    const [high, low] = [this.#high, this.#low];
    const slot = this.#slotOf(high, low);
    if (slot < 0) return false;
    if (slot === NO_ROOM || !this.#hasRoom()) {
      this.#forgotten += 1;
      return true;
    }
    this.#put(this.#slotOf(high, low), high, low);
    return true;
  }

  #put(slot: number, high: number, low: number): void {
    this.#slots[2 * slot] = high;
    this.#slots[2 * slot + 1] = low;
    this.#used += 1;
  }

  /** The free slot that is this hash's, {@link NO_ROOM} where none is near; a negative number when it is there. */
  #slotOf(high: number, low: number): number {
    const slots = this.#slots;
    const mask = slots.length / 2 - 1;
    for (let probe = 0; probe < MAX_PROBES; probe += 1) {
      const slot = (low + probe) & mask;
      const there = slots[2 * slot];
      if (there === 0) return slot;
      if (there === high && slots[2 * slot + 1] === low) return -1;
    }
    return NO_ROOM;
  }

  #hasRoom(): boolean {
    const count = this.#slots.length / 2;
    if (this.#used < count * FULL) return true;
    if (count >= this.#maxSlots) return false;
    const before = this.#slots;
    this.#slots = new Uint32Array(2 * before.length);
    this.#used = 0;
    for (let at = 0; at < before.length; at += 2) {
      const [high = 0, low = 0] = before.subarray(at, at + 2);
      const slot = high === 0 ? NO_ROOM : this.#slotOf(high, low);
      if (slot !== NO_ROOM) this.#put(slot, high, low);
    }
    return true;
  }

  /** As MurmurHash3 mixes (https://github.com/aappleby/smhasher), in two lanes. */
  #hash(name: string, kind: number): void {
    let high = 0x9747b28c ^ kind;
    let low = 0x5bd1e995 ^ kind;
    for (let at = 0; at < name.length; at += 1) {
      const code = name.charCodeAt(at);
      high = Math.imul(high ^ code, 0xcc9e2d51);
      high = (high << 13) | (high >>> 19);
      low = Math.imul(low ^ code, 0x1b873593);
      low = (low << 15) | (low >>> 17);
    }
    this.#high = mix(high ^ name.length) || 1;
    this.#low = mix(low ^ high);
  }
}

function mix(value: number): number {
  let mixed = value >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
