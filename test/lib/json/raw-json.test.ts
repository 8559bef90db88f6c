import { describe, expect, it } from "vitest";
import { itemSpans, memberSpan, withoutWhitespace } from "../../../src/lib/json/raw-json.ts";

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

describe("withoutWhitespace", () => {
  it.each([
    ['{"a":1}', '{"a":1}'],
    ['{ "a b" :\n\t[ 1.0 , " c\\" d " ]\r\n}', '{"a b":[1.0," c\\" d "]}'],
    ["  1 ", "1"],
  ])("of %j", (text, expected) => {
    expect(withoutWhitespace(text)).toBe(expected);
  });
});
