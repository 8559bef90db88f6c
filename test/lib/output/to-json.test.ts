import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { redactText } from "../../../src/lib/audit/redact.ts";
import { inQuotes, toJson } from "../../../src/lib/output/to-json.ts";
import { toYaml } from "../../../src/lib/output/to-yaml.ts";

const REST = `WNwa1${"x".repeat(20)}`;

describe("JSON and YAML that are redacted once they are text", () => {
  it.each([
    ["a backspace", `\b${REST}`, `\b${REST}`],
    ["an escape character", `\u001b${REST}`, `\u001b${REST}`],
    ["a C1 control", `\u009b${REST}`, `\u009b${REST}`],
    ["a bidirectional embedding", `\u202b${REST}`, `\u202b${REST}`],
    ["a backslash and a token", `\\b${REST}`, "\\[token]"],
    ["two backslashes and a token", `\\\\b${REST}`, "\\\\[token]"],
    ["a line end and a token", `\nb${REST}`, "\n[token]"],
  ])("stay what they are where %s stands before what ends a token", (_what, text, shown) => {
    expect(JSON.parse(redactText(toJson({ text })))).toEqual({ text: shown });
    expect(parse(redactText(inQuotes(toYaml({ text }))))).toEqual({ text: shown });
  });
});
