import { describe, expect, it } from "vitest";
import { FollowedKeyring } from "../../../src/lib/keys/followed-keyring.ts";
import { parseKeysJson, type KeysJsonOptions } from "../../../src/lib/keys/keys-json.ts";
import { KeysJsonReader } from "../../../src/lib/keys/keys-json-reader.ts";
import { buildKeyring } from "../../../src/lib/keys/followed-keyring.ts";
import { acceptKey, EMPTY_KEYRING, type Keyring } from "../../../src/lib/keys/keyring.ts";
import { seededBytes, seededNumbers } from "../../support/seeded.ts";
import { escaped, KeysJsonVersions, type Members } from "../../support/keys-json-versions.ts";

const NOW = Date.parse("2026-11-20T10:00:00Z");
const BARE: KeysJsonOptions = { source: "keys.json", allowsBareHashes: true };
const hashOf = (seed: string): string => Buffer.from(seededBytes(seed)(32)).toString("hex");
const [A, B, C] = [hashOf("a"), hashOf("b"), hashOf("c")];

/** In an order that says nothing: a key keeps its place in a keyring that is followed. */
const byHash = ({ keys, foreign }: Keyring) => ({
  keys: [...keys.values()].toSorted((one, other) => (one.hash < other.hash ? -1 : 1)),
  foreign,
});

describe("a keyring that follows its files", () => {
  it.each(Array.from({ length: 60 }, (_, seed) => ({ seed })))(
    "is at every step the one made from scratch, with the same one before it (seed $seed)",
    ({ seed }) => {
      const below = seededNumbers(seed);
      const sources = Array.from({ length: 1 + (seed % 2) }, (_, at) => ({
        versions: new KeysJsonVersions(below, seed % 3 === 0 ? 300 : 12, `${seed % 5} ${at % 2}`),
        reader: new KeysJsonReader(),
        options: BARE,
      }));
      const followed = new FollowedKeyring(EMPTY_KEYRING);
      let scratch = EMPTY_KEYRING;
      for (let step = 0; step < 25; step += 1) {
        const texts = sources.map(({ versions }) => versions.next());
        const read = sources.map(({ reader, options }, at) => reader.read(texts[at] as string, options));
        const parsed = sources.map(({ options }, at) => parseKeysJson(texts[at] as string, options));
        expect(read).toEqual(parsed);
        const previous = scratch;
        scratch = buildKeyring(parsed.flat(), previous);
        const reloaded = followed.reload(read);
        expect(byHash(reloaded)).toEqual(byHash(scratch));
        const revoked = [...previous.keys.values()].filter(({ isRevoked }) => isRevoked);
        expect(revoked.filter(({ hash }) => reloaded.keys.get(hash)?.isRevoked !== true)).toEqual([]);
      }
    },
  );

  it("judges no key again whose entries stayed as they were", () => {
    const reader = new KeysJsonReader();
    const followed = new FollowedKeyring(EMPTY_KEYRING);
    const read = (members: Members): Keyring => followed.reload([reader.read(JSON.stringify(members), BARE)]);
    const records = { [`dev.${A}`]: "dev/a", [`dev.${B}`]: "dev/b", [`dev.${B}.ends`]: "exp=2026-11-21T09:00:00Z" };
    const before = read(records).keys;
    const after = read({ ...records, [`dev.${C}`]: "dev/c", [`dev.${A}.revoked`]: "" }).keys;
    expect([A, B].map((hash) => after.get(hash) === before.get(hash))).toEqual([false, true]);
    expect([...after.values()].map(({ hash, isRevoked }) => ({ hash, isRevoked }))).toEqual([
      { hash: A, isRevoked: true },
      { hash: B, isRevoked: false },
      { hash: C, isRevoked: false },
    ]);
  });

  it("judges everything again after a reload that failed on the way", () => {
    const reader = new KeysJsonReader();
    const followed = new FollowedKeyring(EMPTY_KEYRING);
    const first = reader.read(JSON.stringify({ [`dev.${A}`]: "dev/a" }), BARE);
    const before = followed.reload([first]);
    const second = reader.read(JSON.stringify({ [`dev.${A}`]: "dev/a", [`dev.${A}.revoked`]: "" }), BARE);
    const failing = {
      *[Symbol.iterator]() {
        yield* second;
        throw new Error("on the way");
      },
    };
    const list = Object.assign([...second], failing);
    expect(() => followed.reload([list])).toThrow("on the way");
    expect(followed.current).toBe(before);
    expect(acceptKey(followed.reload([second]), A, NOW)).toMatchObject({ reason: "key_revoked" });
  });
});

describe("a keys.json that is read again", () => {
  const many = Object.fromEntries(
    Array.from({ length: 200 }, (_, at) => [`dev.${hashOf(`key ${at}`)}`, `dev/agent-${at}`]),
  );

  it("gives the same list when nothing changed, however it is spaced", () => {
    const reader = new KeysJsonReader();
    const list = reader.read(JSON.stringify(many), BARE);
    expect(reader.read(JSON.stringify(many), BARE)).toBe(list);
    expect(reader.read(JSON.stringify(many, null, 2), BARE)).toBe(list);
  });

  it("gives the same objects for what stayed, and others for what did not", () => {
    const reader = new KeysJsonReader();
    const before = reader.read(JSON.stringify(many), BARE);
    const [first = "", second = ""] = Object.keys(many);
    const { [first]: _gone, ...rest } = many;
    const after = reader.read(JSON.stringify({ ...rest, [second]: "dev/other", stray: "x" }), BARE);
    expect(after.map((entry) => before.indexOf(entry))).toEqual([
      -1,
      ...before.slice(2).map((entry) => before.indexOf(entry)),
      -1,
    ]);
  });

  it("means other things by its names when bare hashes are taken no longer", () => {
    const reader = new KeysJsonReader();
    const text = JSON.stringify({ [A]: "dev/a" });
    const readings = [true, false, true].map((allowsBareHashes) =>
      reader.read(text, { ...BARE, allowsBareHashes }).map(({ name }) => name?.role ?? null),
    );
    expect(readings).toEqual([["dev"], [null], ["dev"]]);
  });

  const literals = Object.entries(many).map(([name, value]) => `"${name}":"${value}"`);
  const [one = "", ...others] = literals;
  it.each([
    ["a member twice, the second where it was", [one, ...literals]],
    ["a member twice, the first where it was", [...literals, one]],
    ["a name twice, first with another value", [one.replace("agent", "other"), ...others, one]],
    [
      "a name twice, first with another value, then behind its neighbours",
      [literals[100]?.replace("agent", "x"), ...literals],
    ],
    ["a member twice, first with a longer value", [`${one.slice(0, -1)}x"`, ...literals]],
    ["a name twice, once escaped", [...literals, one.replace("dev", "\\u0064ev")]],
    ["a new name twice", [...literals, '"x":"1"', '"x":"1"']],
    ["a value that is no text", [...literals, '"x":1']],
    ["a value that is an object", [...literals, '"x":{}']],
    ["a control character in a value", [...literals, '"x":"a\nb"']],
    ["an escape that is none", [...literals, '"x":"\\x"']],
    ["a literal without an end", [...literals, '"x":"1']],
    ["a literal that ends in an escape", [...literals, '"x":"1\\"']],
    ["no colon", [...literals, '"x" "1"']],
    ["another sign for the colon", [...literals, '"x";"1"']],
    ["nothing behind a comma", [...literals, ""]],
    ["more behind its end", [...literals, '"x":"1"}{']],
  ])("is refused as the parser refuses it, and the next one is read: %s", (_what, members) => {
    const reader = new KeysJsonReader();
    const good = `{${literals.join(",")}}`;
    const bad = `{${members.join(",")}}`;
    reader.read(good, BARE);
    const told = messageOf(() => parseKeysJson(bad, BARE));
    expect(told).toMatch(/^keys\.json is not a keys\.json: /);
    expect(messageOf(() => reader.read(bad, BARE))).toBe(told);
    expect(reader.read(good, BARE)).toEqual(parseKeysJson(good, BARE));
  });

  it.each(["{}", " { } \n", '{"":""}', escaped(JSON.stringify(many)), '{"a\\\\":"\\\\","b\\"":"\\""}', '{"é😀":"ü"}'])(
    "is read as the parser reads it, twice: %.40s",
    (text) => {
      const reader = new KeysJsonReader();
      const parsed = parseKeysJson(text, BARE);
      const entries = reader.read(text, BARE);
      expect(entries).toEqual(parsed);
      expect(reader.read(text, BARE)).toBe(entries);
    },
  );

  it("keeps the place of names that look like numbers, which the parser puts first", () => {
    const entries = new KeysJsonReader().read('{"b":"x","1":"y"}', BARE);
    expect(entries.map(({ label }) => label)).toEqual(["b", "1"]);
  });

  it("tells a raw newline from one that is escaped, though they say the same", () => {
    const reader = new KeysJsonReader();
    reader.read('{"a\\nb":"x"}', BARE);
    expect(() => reader.read('{"a\nb":"x"}', BARE)).toThrow("keys.json is not a keys.json: not JSON");
  });
});

function messageOf(read: () => unknown): string {
  try {
    read();
    return "it was read";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
