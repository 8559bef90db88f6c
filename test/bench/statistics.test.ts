import { expect, it } from "vitest";
import { quantile, slope, spread } from "./statistics.ts";

it("a quantile is the value below which that share of the values lies", () => {
  const values = [5, 1, 4, 2, 3, 10, 9, 8, 7, 6];
  expect([0, 0.5, 0.9, 0.99, 1].map((share) => quantile(values, share))).toEqual([1, 6, 10, 10, 10]);
});

it("a spread tells median, least and most", () => {
  expect(spread([3, 1, 2], 1, " us")).toBe("2.0 us (1.0 to 3.0)");
});

it("the slope of a line is found, whatever swings about it", () => {
  const line = [1, 2, 3, 4].map((x) => [x, 10 + 2.5 * x] as const);
  const swinging = line.map(([x, y], index) => [x, y + [1, -1, -1, 1][index]!] as const);
  expect([slope(line), slope(swinging)]).toEqual([2.5, 2.5]);
});
