import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { addLimitOptions, readLimits } from "../../../src/commands/gateway/limit-options.ts";

function limitsOf(...argv: readonly string[]): unknown {
  const command = new Command().exitOverride();
  addLimitOptions(command);
  command.parse(argv, { from: "user" });
  return readLimits(command.opts());
}

describe("limits on the command line", () => {
  it("are only those that were typed", () => {
    expect(limitsOf()).toEqual({});
  });

  it("are counts, sizes and durations", () => {
    const typed = ["--max-rate", "0", "--max-body-size", "1MiB", "--max-header-size", "32KiB", "--drain-timeout", "2m"];
    expect(limitsOf(...typed)).toEqual({
      maxCallsPerSecond: 0,
      maxBodyBytes: 1_048_576,
      maxHeaderBytes: 32_768,
      drainMs: 120_000,
    });
  });

  it.each([
    ["--max-rate", "-1", "limit_invalid"],
    ["--max-rate", "1e3", "limit_invalid"],
    ["--max-body-size", "4", "limit_invalid"],
    ["--max-body-size", "0MiB", "limit_invalid"],
    ["--body-timeout", "0s", "duration_invalid"],
    ["--answer-timeout", "25d", "limit_invalid"],
    ["--max-json-depth", "0", "limit_invalid"],
    ["--max-audit-backlog", "16KiB", "limit_invalid"],
    ["--max-bodies-size", "1MiB", "limit_invalid"],
  ])("%s %s is a usage error", (flag, value, code) => {
    expect(() => limitsOf(`${flag}=${value}`)).toThrow(expect.objectContaining({ kind: "usage", code }) as Error);
  });

  it("tell their defaults in the help", () => {
    const command = new Command();
    addLimitOptions(command);
    expect(command.helpInformation()).toMatch(/--max-body-size <size>\s+the body of a request\s+\(default:\s+4MiB\)/);
  });
});
