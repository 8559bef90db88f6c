import { describe, expect, it } from "vitest";
import { isStructureWithin } from "../../../src/lib/json/structure.ts";

describe("the structure of a text", () => {
  it.each([
    { text: '{"a":[1,2],"b":{}}', values: 5 },
    { text: '{"a":"[,{\\",["}', values: 1 },
    { text: '"open ,,,,', values: 0 },
    { text: "[[[[", values: 4 },
    { text: "", values: 0 },
  ])("of $text counts $values", ({ text, values }) => {
    expect([isStructureWithin(text, values), values > 0 && isStructureWithin(text, values - 1)]).toEqual([true, false]);
  });
});
