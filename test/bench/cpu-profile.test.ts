import { expect, it } from "vitest";
import { selfTimes, type CpuProfile, type Locate } from "./cpu-profile.ts";

const frame = (functionName: string, url = "", lineNumber = 0) => ({ functionName, url, lineNumber, columnNumber: 0 });

/** handle -> node's write -> a native call, beside idle time. */
const PROFILE: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame("(root)"), children: [2, 3] },
    { id: 2, callFrame: frame("(idle)") },
    { id: 3, callFrame: frame("handle", "file:///handle.ts", 6), children: [4] },
    { id: 4, callFrame: frame("write", "node:stream", 1), children: [5] },
    { id: 5, callFrame: frame("writev") },
  ],
  startTime: 1_000,
  // Samples at 1,010, 1,020, 1,050, 1,090, 1,100 and 1,200.
  samples: [3, 3, 5, 2, 4, 3],
  timeDeltas: [10, 10, 30, 40, 10, 100],
};

const locate: Locate = (url, line) => ({
  owner: url.startsWith("node:") ? "node" : "src",
  place: `${url.replace(/.*[/:]/, "")}:${line + 1}`,
});

it("a sample's time is that until the next one, and idle time is nobody's", () => {
  expect(selfTimes(PROFILE, 0, 2_000, locate)).toEqual({
    busyUs: 180,
    functions: [
      ["write  stream:2", 100],
      ["handle  handle.ts:7", 40],
      ["writev", 40],
    ],
    owners: [
      ["node", 100],
      ["src", 40],
      ["native calls", 40],
    ],
    nativeCallers: [["writev  for  handle  handle.ts:7", 40]],
  });
});

it("samples outside the window do not count", () => {
  expect(selfTimes(PROFILE, 1_015, 1_060, locate)).toEqual({
    busyUs: 70,
    functions: [
      ["writev", 40],
      ["handle  handle.ts:7", 30],
    ],
    owners: [
      ["native calls", 40],
      ["src", 30],
    ],
    nativeCallers: [["writev  for  handle  handle.ts:7", 40]],
  });
});
