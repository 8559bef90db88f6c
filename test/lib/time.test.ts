import { describe, expect, it } from "vitest";
import {
  formatDuration,
  formatTime,
  MAX_DURATION_SECONDS,
  parseDurationSeconds,
  parseTime,
} from "../../src/lib/time.ts";

describe("parseTime", () => {
  it.each(["2026-11-20T10:00:00Z", "2028-02-29T23:59:59Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])(
    "reads %s, and formats it the same",
    (text) => {
      expect(parseTime(text)).toBe(Date.parse(text));
      expect(formatTime(Date.parse(text))).toBe(text);
    },
  );

  it.each([
    "",
    "2026-11-20",
    "2026-11-20T10:00Z",
    "2026-11-20T10:00:00",
    "2026-11-20 10:00:00Z",
    "2026-11-20t10:00:00z",
    "2026-11-20T10:00:00.000Z",
    "2026-11-20T10:00:00+00:00",
    "2026-02-29T10:00:00Z",
    "2026-02-30T10:00:00Z",
    "2026-13-01T10:00:00Z",
    "2026-00-01T10:00:00Z",
    "2026-11-20T24:00:00Z",
    "2026-11-20T10:60:00Z",
    "2026-12-31T23:59:60Z",
    "+002026-11-20T10:00:00Z",
    "２０26-11-20T10:00:00Z",
    " 2026-11-20T10:00:00Z",
    "2026-11-20T10:00:00Z\n",
  ])("does not read %j", (text) => {
    expect(parseTime(text)).toBeNull();
  });

  it("cuts off milliseconds when it formats", () => {
    expect(formatTime(Date.parse("2026-11-20T10:00:00.999Z"))).toBe("2026-11-20T10:00:00Z");
  });
});

describe("parseDurationSeconds", () => {
  it.each([
    ["30s", 30],
    ["5m", 300],
    ["12h", 43_200],
    ["90d", 7_776_000],
    ["0s", 0],
    ["0d", 0],
    ["36500d", MAX_DURATION_SECONDS],
  ])("reads %s as %i seconds", (text, seconds) => {
    expect(parseDurationSeconds(text)).toBe(seconds);
  });

  it.each([
    "",
    "5",
    "m",
    "-5m",
    "+5m",
    "05m",
    "5 m",
    "5M",
    "1w",
    "1y",
    "1.5h",
    "1h30m",
    "1e3s",
    "36501d",
    "9999999999d",
    "99999999999s",
    "5m\n",
  ])("does not read %j", (text) => {
    expect(parseDurationSeconds(text)).toBeNull();
  });

  it.each([
    [0, "0s"],
    [59, "59s"],
    [60, "1m"],
    [90, "90s"],
    [3600, "1h"],
    [129_600, "36h"],
    [7_776_000, "90d"],
  ])("formats %i as %s", (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
    expect(parseDurationSeconds(text)).toBe(seconds);
  });
});
