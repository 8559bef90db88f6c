import { describe, expect, it } from "vitest";
import { evaluate } from "./action-expressions.ts";
import { readOutputs } from "./action-runner.ts";

describe("the runner's reading, which the tests of the action rely on,", () => {
  it.each([
    ["a=1\nb=x=y\n", { a: "1", b: "x=y" }],
    ["a<<M\nx\n\ny\nM\nb=1\n", { a: "x\n\ny", b: "1" }],
    ["a<<M\nM\n", { a: "" }],
  ])("of the outputs %j", (text, outputs) => {
    expect(readOutputs(text)).toEqual(outputs);
  });

  it.each([
    ["a<<M\nx\n", "no end of a"],
    ["a\n", "not an output: a"],
    ["a=1", "the last line has no end"],
  ])("refuses the outputs %j", (text, message) => {
    expect(() => readOutputs(text)).toThrow(message);
  });

  it.each([
    ["inputs.x == 'a' && inputs.y != ''", true],
    ["inputs.x == 'b'", false],
    ["inputs.nothing", ""],
    ["!cancelled() && success()", true],
  ])("of the expression %s", (expression, value) => {
    expect(evaluate(expression, { inputs: { x: "a", y: "b" } })).toBe(value);
  });

  it.each(["toJSON(inputs)", "a || b", "inputs"])("refuses the expression %s", (expression) => {
    expect(() => evaluate(expression, {})).toThrow("cannot evaluate");
  });
});
