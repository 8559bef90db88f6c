import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { validate as isAuditRecord } from "../../../src/generated/audit.js";
import { formatRecord } from "../../../src/lib/audit/format-record.ts";
import { REASON_NAMES } from "../../../src/lib/audit/reasons.ts";
import type { AuditRecord } from "../../../src/lib/audit/record.ts";

const LINES = readFileSync("examples/audit.jsonl", "utf8")
  .split("\n")
  .filter((line) => line !== "");

describe("formatRecord", () => {
  it.each(LINES)("writes the example as it stands: %s", (line) => {
    const record = JSON.parse(line) as AuditRecord;
    const tool_args = { json: JSON.stringify(record.tool_args) };
    expect(formatRecord({ ...record, tool_args })).toBe(`${line}\n`);
  });

  it("escapes what callers name, and keeps numbers as they came", () => {
    const record = JSON.parse(LINES[0] as string) as AuditRecord;
    const line = formatRecord({ ...record, method: 'a"\n', tool_name: "\u2028", tool_args: { json: "1.0" } });
    expect(line).toContain('"method":"a\\"\\n","tool_name":"\u2028","tool_args":1.0,');
    expect(isAuditRecord(JSON.parse(line))).toBe(true);
  });
});

it("the schema knows exactly the published reasons", () => {
  const schema = JSON.parse(readFileSync("schemas/audit.schema.json", "utf8")) as {
    properties: { reason: { enum: string[] } };
  };
  expect(schema.properties.reason.enum).toEqual(REASON_NAMES);
});
