import { expect, it } from "vitest";
import { fuzz } from "./fuzz.ts";

it("1,500 requests, most of them broken, do nothing that they may not", async () => {
  const report = await fuzz({ requests: 1_500, seed: 2, maxGrowthMiB: null });
  expect(report.breaches).toEqual([]);
  expect(report.requests).toBe(1_500);
  // Something of every kind came through: a fuzzer that only ever meets refusals tests nothing.
  expect(report.reached).toBeGreaterThan(100);
  expect(Object.keys(report.statuses)).toEqual(expect.arrayContaining(["200", "202", "400", "401", "403", "404"]));
});
