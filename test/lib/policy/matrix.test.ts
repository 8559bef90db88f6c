import { describe, expect, it } from "vitest";
import { cellMark, matrixOf, type MatrixFilter } from "../../../src/lib/policy/matrix.ts";
import { policyOf } from "../../support/policy-of.ts";

const POLICY = policyOf(
  "  dev: [ro, {backend: prod-rw, tools: {allow: []}}, ghost]\n  ops: [rw, {backend: prod-rw, tools: {deny: [x]}}]\n  idle: []\n",
  { ro: ["stage", "ro"], rw: ["stage", "rw"], "prod-rw": ["prod-eu", "rw"], spare: ["dev", "ro"] },
);

/** Roles, backends, then every cell. */
const shown = (filter: Partial<MatrixFilter>): readonly string[] => {
  const all = { roles: [], backends: [], environments: [], isWriteOnly: false };
  const { roles, backends, cells, ungranted } = matrixOf(POLICY, { ...all, ...filter });
  return [
    roles.map(({ name }) => name).join(" "),
    backends.map(({ name }) => name).join(" "),
    cells.map((cell) => `${cell.role.name}-${cell.backend.name} ${cellMark(cell)}`).join(", "),
    String(ungranted),
  ];
};

describe("matrixOf", () => {
  it("holds every role and backend where nothing is asked for", () => {
    expect(shown({})).toEqual([
      "dev ops idle",
      "ro rw prod-rw spare",
      "dev-ro ro, dev-prod-rw rw*!, ops-rw rw, ops-prod-rw rw*!",
      "1",
    ]);
  });

  it.each([
    ["roles", { roles: ["ops"] }, ["ops", "rw prod-rw", "ops-rw rw, ops-prod-rw rw*!", "0"]],
    ["backends", { backends: ["prod-rw"] }, ["dev ops", "prod-rw", "dev-prod-rw rw*!, ops-prod-rw rw*!", "1"]],
    ["environments", { environments: ["stage"] }, ["dev ops", "ro rw", "dev-ro ro, ops-rw rw", "1"]],
    ["what may change something", { isWriteOnly: true }, ["ops", "rw prod-rw", "ops-rw rw, ops-prod-rw rw*!", "1"]],
    [
      "all of these",
      { roles: ["dev", "ops"], environments: ["prod-eu"], isWriteOnly: true },
      ["ops", "prod-rw", "ops-prod-rw rw*!", "1"],
    ],
    ["what nobody reaches", { backends: ["spare"] }, ["", "", "", "1"]],
  ])("is cut down to %s", (_what, filter, expected) => {
    expect(shown(filter)).toEqual(expected);
  });
});
