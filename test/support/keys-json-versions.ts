import { seededBytes } from "./seeded.ts";

export type Members = Readonly<Record<string, string>>;

const ROLES = ["dev", "oncall", "dev-readonly.2"];
const NOT_TEXTS_OF_OURS = ["", "?", "garbage", "dev/a&b", 'a "quoted" \\ word', "line\nbreak", "ünï😀"];

/** One keys.json after another: keys come and go, are revoked and superseded, and things go wrong. */
export class KeysJsonVersions {
  readonly #below: (limit: number) => number;
  readonly #hashes: readonly string[];
  #members: [name: string, value: string][] = [];

  /** Versions of the same seed speak of the same keys. */
  constructor(below: (limit: number) => number, keyCount: number, seed: string) {
    this.#below = below;
    const bytes = seededBytes(seed);
    this.#hashes = Array.from({ length: keyCount }, () => Buffer.from(bytes(32)).toString("hex"));
    for (const hash of this.#hashes) if (below(4) > 0) this.#members.push([`dev.${hash}`, `dev/${hash.slice(0, 8)}`]);
  }

  /** The text after a few changes, or after none. */
  next(): string {
    for (let changes = this.#below(4); changes > 0; changes -= 1) this.#change();
    const members = Object.fromEntries(this.#members);
    this.#members = Object.entries(members);
    const text = this.#below(6) === 0 ? JSON.stringify(members, null, 2) : JSON.stringify(members);
    return this.#below(6) === 0 ? escaped(text) : text;
  }

  #change(): void {
    const role = this.#one(ROLES);
    const hash = this.#one(this.#hashes);
    const day = 10 + this.#below(20);
    const changes: (() => void)[] = [
      () => this.#put(`${role}.${hash}`, `${role}/user-${day}`),
      () => this.#put(`${role}.${hash}`, `${role}/user?exp=2027-01-${day}T09:00:00Z`),
      () => this.#put(`${role}.${hash}`, this.#one(NOT_TEXTS_OF_OURS)),
      () => this.#put(`${role}.${hash}.revoked`, `at=2026-11-${day}T09:00:00Z`),
      () => this.#put(`${role}.${hash}.revoked`, this.#one(NOT_TEXTS_OF_OURS)),
      () => this.#put(`${role}.${hash}.ends`, `exp=2026-12-${day}T09:00:00Z&next=k_${hash.slice(0, 12)}`),
      () => this.#put(`${role}.${hash}.ends`, this.#one(NOT_TEXTS_OF_OURS)),
      () => this.#put(hash, this.#one([`${role}/bare`, ...NOT_TEXTS_OF_OURS])),
      () => this.#put(this.#one(["stray", "__proto__", "a\\b", 'x"y', `DEV.${hash}`]), "x"),
      () => void this.#members.splice(this.#below(this.#members.length + 1), 1),
      () => void this.#members.splice(this.#below(this.#members.length + 1), this.#below(this.#members.length + 1)),
      () => void this.#members.push(...this.#members.splice(0, this.#below(this.#members.length + 1))),
      () => void (this.#members = this.#members.toReversed()),
    ];
    this.#one(changes)();
  }

  /** A new member anywhere, for files have no order. */
  #put(name: string, value: string): void {
    const member = this.#members.find(([known]) => known === name);
    if (member === undefined) this.#members.splice(this.#below(this.#members.length + 1), 0, [name, value]);
    else member[1] = value;
  }

  #one<T>(items: readonly T[]): T {
    return items[this.#below(items.length)] as T;
  }
}

/** The same JSON as writers leave it that escape what they need not. */
export function escaped(json: string): string {
  return json.replaceAll("/", "\\/").replaceAll("&", "\\u0026").replaceAll("dev", "d\\u0065v");
}
