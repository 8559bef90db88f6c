import { expect, it } from "vitest";
import { missingArguments } from "../../../src/lib/flow/missing-arguments.ts";

it("says how to tell an argument, and of what no argument tells that it is open", () => {
  expect(missingArguments(["namespace", "any name"])).toEqual([
    "the argument namespace decides (--arg namespace=VALUE)",
    "any name may be meant, for no argument tells which",
  ]);
});
