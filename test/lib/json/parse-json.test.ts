import { describe, expect, it } from "vitest";
import { parseJson } from "../../../src/lib/json/parse-json.ts";
import { seededNumbers } from "../../support/seeded.ts";

const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);

describe("parseJson", () => {
  it.each([
    ["an object", '{"a":1,"b":[{"a":2},{"a":3}]}', { a: 1, b: [{ a: 2 }, { a: 3 }] }],
    ["a name again one level down", '{"a":{"a":{"a":1}}}', { a: { a: { a: 1 } } }],
    ["a name again as a value", '{"a":"a","b":"a"}', { a: "a", b: "a" }],
    ["brackets and quotes within strings", String.raw`{"a":"{\"a\":[\\","b":"]},"}`, { a: '{"a":[\\', b: "]}," }],
    ["names that differ by case", '{"a":1,"A":2}', { a: 1, A: 2 }],
    ["an array of equal strings", '["a","a"]', ["a", "a"]],
    ["a bare text", '"a"', "a"],
    ["nothing in objects and arrays", '{"a":{},"b":[]}', { a: {}, b: [] }],
    ["white space of every kind", ' \t\r\n{ "a" : 1 ,\n"b" : 2 } ', { a: 1, b: 2 }],
  ])("reads %s", (_what, text, value) => {
    expect(parseJson(text)).toEqual({ ok: true, value });
  });

  it("reads __proto__ as a name like any other", () => {
    const reading = parseJson('{"__proto__":"x"}');
    expect(reading.ok && Object.entries(reading.value as object)).toEqual([["__proto__", "x"]]);
  });

  it.each([
    ["a name twice", '{"a":1,"a":1}', "a"],
    ["a name twice after an object between", '{"a":1,"b":{"c":1},"a":2}', "a"],
    ["a name twice deep inside", '[{"x":[{"b":1,"b":2}]}]', "b"],
    ["a name and its escaped form", String.raw`{"a":1,"\u0061":2}`, "a"],
    ["an empty name twice", '{"":1,"":2}', ""],
    ["__proto__ twice", '{"__proto__":1,"__proto__":2}', "__proto__"],
  ])("refuses %s", (_what, text, name) => {
    const detail = `the name ${JSON.stringify(name)} stands twice`;
    expect(parseJson(text)).toEqual({ ok: false, problem: "duplicate_name", detail });
  });

  it.each(["", "{", "{'a':1}", '{"a":1,}', "nul", "// c\n{}", "{} {}", '{"a":01}', "\ufeff{}", '{"a":"\n"}', "NaN"])(
    "refuses %j, which is not JSON",
    (text) => {
      expect(parseJson(text)).toEqual({ ok: false, problem: "malformed", detail: "not JSON" });
    },
  );

  it("reads 128 levels and refuses 129", () => {
    expect(parseJson(nested(128)).ok).toBe(true);
    const tooDeep = { ok: false, problem: "too_deep", detail: "nested deeper than 128 levels" };
    expect(parseJson(nested(129))).toEqual(tooDeep);
    expect(parseJson('{"a":'.repeat(129) + "1" + "}".repeat(129))).toEqual(tooDeep);
  });

  it.each([1, 2, 200])("reads %i levels when that is the limit, and refuses one more", (levels) => {
    const detail = `nested deeper than ${levels} levels`;
    expect(parseJson(nested(levels), levels).ok).toBe(true);
    expect(parseJson(nested(levels + 1), levels)).toEqual({ ok: false, problem: "too_deep", detail });
  });

  it.each([1, 2, 8, 9, 10, 11, 40])("finds the first, the last and no repeated name among %i", (count) => {
    const names = Array.from({ length: count }, (_, index) => `n${index}`);
    const text = (more: readonly string[]): string => `{${[...names, ...more].map((name) => `"${name}":1`).join()}}`;
    const repeated = (name: string): unknown => ({
      ok: false,
      problem: "duplicate_name",
      detail: `the name "${name}" stands twice`,
    });
    expect(parseJson(text([])).ok).toBe(true);
    expect(parseJson(text(["n0"]))).toEqual(repeated("n0"));
    expect(parseJson(text(["other", `n${count - 1}`]))).toEqual(repeated(`n${count - 1}`));
    expect(parseJson(text(["other", "\\u006f\\u0074her"]))).toEqual(repeated("other"));
  });

  it("does not let a long name into its message", () => {
    const name = "n".repeat(500);
    const reading = parseJson(`{"${name}":1,"${name}":2}`);
    expect(!reading.ok && reading.detail).toBe(`the name "${"n".repeat(80)}" stands twice`);
  });

  it("finds the same repeated names as a slow reader that keeps every member", () => {
    const pick = seededNumbers(20_261_120);
    const found = { ok: 0, duplicate_name: 0 };
    for (let round = 0; round < 3000; round += 1) {
      const value = makeValue(pick, 0);
      const text = writeValue(value, pick);
      const reading = parseJson(text);
      const expected = hasRepeatedName(value) ? "duplicate_name" : "ok";
      expect({ text, reading: reading.ok ? "ok" : reading.problem }).toEqual({ text, reading: expected });
      found[expected] += 1;
    }
    expect(found.ok).toBeGreaterThan(500);
    expect(found.duplicate_name).toBeGreaterThan(200);
  });
});

/** A JSON value whose objects are lists of members, so that a name may stand twice. */
type Value =
  | { readonly kind: "object"; readonly members: readonly (readonly [string, Value])[] }
  | { readonly kind: "array"; readonly items: readonly Value[] }
  | { readonly kind: "plain"; readonly value: string | number | boolean | null };

const NAMES = ["a", "b", "c", "", "é", '"', "\\", "{", "a,", "__proto__", "\u0000", "😀"];

function makeValue(pick: (below: number) => number, depth: number): Value {
  const kind = pick(depth > 3 ? 2 : 5);
  if (kind < 2)
    return { kind: "plain", value: [pick(9), NAMES[pick(NAMES.length)] as string, true, null][pick(4)] ?? null };
  const items = Array.from({ length: pick(4) }, () => makeValue(pick, depth + 1));
  if (kind === 2) return { kind: "array", items };
  return { kind: "object", members: items.map((item) => [NAMES[pick(NAMES.length)] as string, item] as const) };
}

function hasRepeatedName(value: Value): boolean {
  if (value.kind === "plain") return false;
  if (value.kind === "array") return value.items.some(hasRepeatedName);
  const names = value.members.map(([name]) => name);
  return new Set(names).size < names.length || value.members.some(([, item]) => hasRepeatedName(item));
}

/** Writes each character plainly or as an escape, with white space wherever it may stand. */
function writeValue(value: Value, pick: (below: number) => number): string {
  const gap = (): string => " \n\t".slice(0, pick(3) === 0 ? 1 + pick(3) : 0);
  const string = (text: string): string => {
    const units = text.split("").map((unit) => {
      const isPlain = pick(3) > 0 && unit !== '"' && unit !== "\\" && unit >= " ";
      return isPlain ? unit : `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
    });
    return `"${units.join("")}"`;
  };
  const write = (each: Value): string => {
    if (each.kind === "plain") return typeof each.value === "string" ? string(each.value) : JSON.stringify(each.value);
    const parts =
      each.kind === "array"
        ? each.items.map((item) => gap() + write(item) + gap())
        : each.members.map(([name, item]) => `${gap()}${string(name)}${gap()}:${gap()}${write(item)}${gap()}`);
    return each.kind === "array" ? `[${parts.join(",")}]` : `{${parts.join(",")}}`;
  };
  return gap() + write(value) + gap();
}
