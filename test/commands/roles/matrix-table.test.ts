import { Chalk } from "chalk";
import { describe, expect, it } from "vitest";
import { fitMatrix } from "../../../src/commands/roles/matrix-table.ts";
import { render } from "../../../src/lib/output/render.ts";
import { matrixOf } from "../../../src/lib/policy/matrix.ts";
import { policyOf } from "../../support/policy-of.ts";
import { randomPolicy } from "../../support/random-policy.ts";

const ALL = { roles: [], backends: [], environments: [], isWriteOnly: false };
const lines = (cells: readonly (readonly string[])[]): readonly string[] => cells.map((row) => row.join(" "));

describe("fitMatrix", () => {
  const matrix = matrixOf(
    policyOf("  developers: [ro, rw]\n  operations: [rw]\n  night-shift: []\n", {
      ro: ["stage", "ro"],
      rw: ["prod", "rw"],
    }),
    ALL,
  );

  it("puts backends one below the other where that fits, to the column", () => {
    const { table, left } = fitMatrix(matrix, 51);
    expect([table.columns.join(" "), ...lines([...table.rows]), left]).toEqual([
      "BACKEND ENV developers operations night-shift",
      "ro stage ro - -",
      "rw prod rw! rw! -",
      [],
    ]);
  });

  it("puts roles one below the other where only that fits", () => {
    const { table, left } = fitMatrix(matrix, 50);
    expect([table.columns.join(" "), ...lines([...table.rows]), left]).toEqual([
      "ROLE ro rw",
      "developers ro rw!",
      "operations - rw!",
      "night-shift - -",
      [],
    ]);
  });

  it("leaves roles out where neither fits, all but one, and tells which", () => {
    const wide = matrixOf(
      policyOf("  a1: [b1]\n  a2: [b2]\n", { b1: ["stage-one", "ro"], b2: ["stage-two", "rw"] }),
      ALL,
    );
    for (const columns of [0, 9]) {
      const { table, left } = fitMatrix(wide, columns);
      expect([table.columns, [...table.rows], left]).toEqual([
        ["BACKEND", "ENV", "a1"],
        [
          ["b1", "stage-one", "ro"],
          ["b2", "stage-two", "-"],
        ],
        ["a2"],
      ]);
    }
  });

  it("is as wide as it says, whatever the terminal: no line that the table's printer makes is longer", async () => {
    const paint = new Chalk({ level: 0 });
    for (let seed = 1; seed <= 60; seed += 1) {
      const random = matrixOf(randomPolicy(seed), ALL);
      for (const columns of [20, 24, 28, 32, 40, 80]) {
        const { table, left } = fitMatrix(random, columns);
        const text = await render({ data: null, table }, { format: "table", isTerminal: true, paint });
        const longest = Math.max(...text.split("\n").map((line) => line.length));
        const isAtLeast = left.length === random.roles.length - 1;
        expect([seed, columns, longest <= columns || isAtLeast]).toEqual([seed, columns, true]);
        const shown = table.columns[0] === "ROLE" ? [...table.rows].length : table.columns.length - 2;
        expect(shown + left.length).toBe(random.roles.length);
      }
    }
  });
});
