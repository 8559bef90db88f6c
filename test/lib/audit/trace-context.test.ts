import { describe, expect, it } from "vitest";
import { traceOf } from "../../../src/lib/audit/trace-context.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const read = { traceId: TRACE, spanId: SPAN };

describe("traceOf", () => {
  it.each([
    ["version 00", `00-${TRACE}-${SPAN}-01`],
    ["flags of which nothing is known", `00-${TRACE}-${SPAN}-ff`],
    ["a later version of the same length", `cc-${TRACE}-${SPAN}-00`],
    ["a later version that goes on", `01-${TRACE}-${SPAN}-01-what-the-future-brings`],
    ["a later version with nothing after the hyphen", `01-${TRACE}-${SPAN}-01-`],
  ])("reads %s", (_what, traceparent) => {
    expect(traceOf(traceparent)).toEqual(read);
  });

  it.each([
    ["none", null],
    ["an empty one", ""],
    ["version 00 that goes on", `00-${TRACE}-${SPAN}-01-more`],
    ["version 00 with a hyphen at its end", `00-${TRACE}-${SPAN}-01-`],
    ["version ff", `ff-${TRACE}-${SPAN}-01`],
    ["a later version that goes on without a hyphen", `01-${TRACE}-${SPAN}-01x`],
    ["a trace id of zeros", `00-${"0".repeat(32)}-${SPAN}-01`],
    ["a span id of zeros", `00-${TRACE}-${"0".repeat(16)}-01`],
    ["upper case in the trace id", `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ["upper case in the span id", `00-${TRACE}-${SPAN.toUpperCase()}-01`],
    ["upper case in the flags", `00-${TRACE}-${SPAN}-0A`],
    ["a short trace id", `00-${TRACE.slice(1)}-${SPAN}-01`],
    ["a short span id", `00-${TRACE}-${SPAN.slice(1)}-01`],
    ["no flags", `00-${TRACE}-${SPAN}`],
    ["one digit of flags", `00-${TRACE}-${SPAN}-1`],
    ["space before it", ` 00-${TRACE}-${SPAN}-01`],
    ["a line end after it", `00-${TRACE}-${SPAN}-01\n`],
    ["two of them", `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
  ])("does not read %s", (_what, traceparent) => {
    expect(traceOf(traceparent)).toBeNull();
  });
});
