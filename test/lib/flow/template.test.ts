import { describe, expect, it } from "vitest";
import {
  fillTemplate,
  holesOf,
  matchText,
  parseTemplate,
  showTemplate,
  textOf,
} from "../../../src/lib/flow/template.ts";

describe("a template", () => {
  it("has a hole for every argument that is not known", () => {
    const template = parseTemplate("arn:aws:ec2:{region}:1:instance/{id}");
    expect(holesOf(template)).toEqual(["region", "id"]);
    expect(textOf(template)).toBeNull();
    const half = fillTemplate(template, new Map([["region", "eu-central-1"]]));
    expect(half).toEqual(["arn:aws:ec2:eu-central-1:1:instance/", { argument: "id" }]);
    expect(showTemplate(half)).toBe("arn:aws:ec2:eu-central-1:1:instance/{id}");
    expect(textOf(fillTemplate(half, new Map([["id", "i-1"]])))).toBe("arn:aws:ec2:eu-central-1:1:instance/i-1");
  });

  it("reads no brace in a value again", () => {
    const filled = fillTemplate(parseTemplate("{a}"), new Map([["a", "{b}"]]));
    expect(textOf(fillTemplate(filled, new Map([["b", "x"]])))).toBe("{b}");
  });

  it("may be filled with nothing", () => {
    expect(textOf(fillTemplate(parseTemplate("{a}"), new Map([["a", ""]])))).toBe("");
    expect(textOf(parseTemplate(""))).toBe("");
  });

  it.each([
    ["pods", "pods", "yes"],
    ["pods", "pod", "no"],
    ["{a}", "anything", "maybe"],
    ["{a}", "", "maybe"],
    ["team-{a}", "team-x", "maybe"],
    ["team-{a}", "other", "no"],
    ["{a}-x", "team-x", "maybe"],
    ["{a}-x", "team-y", "no"],
    ["a{b}a", "a", "no"],
    ["a{b}a", "aa", "maybe"],
    ["{a}/{b}", "x", "no"],
    ["{a}/{b}", "x/y", "maybe"],
    ["x{a}yz{b}z", "xyz", "no"],
    ["x{a}yz{b}z", "xyzz", "maybe"],
  ])("%s is %s: %s", (template, text, match) => {
    expect(matchText(parseTemplate(template), text)).toBe(match);
  });
});
