import { literalText, walkTextMembers } from "../json/text-members.ts";
import { parseKeysJson, storedEntry, type KeysJsonOptions } from "./keys-json.ts";
import type { StoredEntry } from "./key-store.ts";

/** The one member of this name, as it was last read. */
interface Member {
  /** What stands between its quotes, escapes and all. */
  rawName: string;
  rawValue: string;
  entry: StoredEntry;
  /** The reading that last saw it, and its place among the members then. */
  round: number;
  place: number;
}

type Raw = Pick<Member, "rawName" | "rawValue">;

/**
 * Reads one keys.json again and again. A member that stands there as it did the last time is given as the same object,
 * and so is the list when nothing changed at all: who follows the file sees by identity what changed.
 */
export class KeysJsonReader {
  readonly #byName = new Map<string, Member>();
  /** Those of the last reading, in their order. */
  #members: readonly Member[] = [];
  #entries: readonly StoredEntry[] = [];
  #allowsBareHashes: boolean | null = null;
  #round = 0;

  /**
   * The entries that {@link parseKeysJson} gives, in the order of the file.
   * @throws AppError as it does
   */
  read(text: string, options: KeysJsonOptions): readonly StoredEntry[] {
    // What a name means depends on it.
    if (options.allowsBareHashes !== this.#allowsBareHashes) this.#forget();
    this.#allowsBareHashes = options.allowsBareHashes;
    const members = this.#readMembers(text, options);
    if (members === null) {
      // What broken files held must not pile up.
      this.#forget();
      return parseKeysJson(text, options);
    }
    this.#keep(members);
    return this.#entries;
  }

  /** Null for what is no keys.json: `parseKeysJson` tells why. */
  #readMembers(text: string, options: KeysJsonOptions): readonly Member[] | null {
    this.#round += 1;
    const members: Member[] = [];
    // A guess at which of the last reading's members comes next: the one behind the one that came last.
    let place = 0;
    const isRead = walkTextMembers(text, (nameAt, nameEnd, valueAt, valueEnd) => {
      const rawName = text.slice(nameAt + 1, nameEnd - 1);
      const rawValue = text.slice(valueAt + 1, valueEnd - 1);
      const known = this.#find(rawName, place);
      // Twice in one file.
      if (known?.round === this.#round) return false;
      const isUnchanged = known?.rawName === rawName && known.rawValue === rawValue;
      const member = isUnchanged ? known : this.#learn({ rawName, rawValue }, known, options);
      if (member === null) return false;
      if (known !== undefined) place = known.place + 1;
      member.round = this.#round;
      members.push(member);
      return true;
    });
    return isRead ? members : null;
  }

  #find(rawName: string, place: number): Member | undefined {
    const guess = this.#members[place];
    if (guess?.rawName === rawName) return guess;
    const name = rawName.includes("\\") ? literalText(`"${rawName}"`) : rawName;
    return name === null ? undefined : this.#byName.get(name);
  }

  /** Null when one of the two is no JSON. */
  #learn({ rawName, rawValue }: Raw, known: Member | undefined, options: KeysJsonOptions): Member | null {
    const label = literalText(`"${rawName}"`);
    const value = literalText(`"${rawValue}"`);
    if (label === null || value === null) return null;
    const read = {
      rawName: rawName === label ? label : copyOf(rawName),
      rawValue: rawValue === value ? value : copyOf(rawValue),
      entry: storedEntry(label, value, options),
    };
    if (known !== undefined) return Object.assign(known, read);
    const member: Member = { ...read, round: 0, place: 0 };
    this.#byName.set(label, member);
    return member;
  }

  #keep(members: readonly Member[]): void {
    if (this.#byName.size > members.length)
      for (const [label, { round }] of this.#byName) if (round !== this.#round) this.#byName.delete(label);
    const isSame =
      members.length === this.#entries.length && members.every(({ entry }, place) => entry === this.#entries[place]);
    if (!isSame) this.#entries = members.map(({ entry }) => entry);
    members.forEach((member, place) => {
      member.place = place;
    });
    this.#members = members;
  }

  #forget(): void {
    this.#byName.clear();
    this.#members = [];
    this.#entries = [];
  }
}

/** The same text, but no slice of another, which would keep a whole file in memory. */
function copyOf(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string;
}
