import { describe, expect, it } from "vitest";
import {
  endOfString,
  endOfValue,
  itemSpans,
  memberSpan,
  stringAt,
  walkMembers,
} from "../../../src/lib/json/raw-json.ts";

const slice = (text: string, name: string, from = 0): string | null => {
  const span = memberSpan(text, from, name);
  return span === null ? null : text.slice(span.start, span.end);
};

describe("memberSpan", () => {
  it.each([
    ['{"a":1}', "a", "1"],
    ['{"a":1.0,"b":2}', "a", "1.0"],
    [' { "x" : {"a":0} , "a" : [1, {"}":"]"}] } ', "a", '[1, {"}":"]"}]'],
    ['{"x":"\\"a\\":1","a":"\\\\"}', "a", '"\\\\"'],
    ['{"\\u0061":true}', "a", "true"],
    ['{"x":{"a":1}}', "a", null],
    ["{}", "a", null],
    ["[1]", "a", null],
    ['{"__proto__":{"a":1},"a":null}', "a", "null"],
  ])("of %s: %s is %s", (text, name, value) => {
    expect(slice(text, name)).toBe(value);
  });
});

describe("itemSpans", () => {
  it.each([
    ["[]", []],
    ["[ ]", []],
    ['[1, 2.50 ,\n{"a":[3]}]', ["1", "2.50", '{"a":[3]}']],
  ])("of %s", (text, items) => {
    expect(itemSpans(text, 0).map(({ start, end }) => text.slice(start, end))).toEqual(items);
  });
});

describe("walkMembers", () => {
  const members = (text: string, from = 0): unknown => {
    const seen: unknown[] = [];
    const end = walkMembers(text, from, (name, nameAt, valueAt) => {
      const valueEnd = endOfValue(text, valueAt);
      seen.push([name, text.slice(nameAt, valueEnd), text.slice(valueAt, valueEnd)]);
      return valueEnd;
    });
    return { seen, rest: text.slice(end) };
  };

  it.each([
    ["{}", [], ""],
    [" { } ,", [], " ,"],
    ['{"a":1}', [["a", '"a":1', "1"]], ""],
    [
      '{ "a" : [1, {"b":"}"}] , "\\u0062":{} } ]',
      [
        ["a", '"a" : [1, {"b":"}"}]', '[1, {"b":"}"}]'],
        ["b", '"\\u0062":{}', "{}"],
      ],
      " ]",
    ],
  ])("of %s", (text, seen, rest) => {
    expect(members(text)).toEqual({ seen, rest });
  });

  it("begins where it is told", () => {
    expect(members('{"x":{"a":null},"y":1}', 5)).toEqual({ seen: [["a", '"a":null', "null"]], rest: ',"y":1}' });
  });
});

describe("a string literal", () => {
  const texts = ["", "a", '"', "\\", '\\"', "\\\\", "x".repeat(31), "x".repeat(32), "x".repeat(33), "\\".repeat(33)];
  const runs = texts.flatMap((text) => [
    text,
    `${text}"${"y".repeat(40)}\\"`,
    '"'.repeat(40) + text,
    `${"\\".repeat(15)}"${text}`,
  ]);

  it.each(runs)("of %j ends after its quote, and says what a parser reads", (text) => {
    const literal = JSON.stringify(text);
    const json = `[${literal},"next"]`;
    const end = endOfString(json, 1);
    expect([json.slice(1, end), stringAt(json, 1, end)]).toEqual([literal, text]);
  });

  it("of megabytes of quotes ends too", () => {
    const literal = JSON.stringify('"'.repeat(2_000_000));
    expect(endOfString(`${literal},`, 0)).toBe(literal.length);
  });
});
