import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { applyEdits, patchOf } from "../../../src/lib/policy/line-edits.ts";
import { removeGrants, type Removal } from "../../../src/lib/policy/remove-grants.ts";
import { isError } from "../../../src/lib/policy/source.ts";
import { readRoles, type Roles } from "../../../src/lib/policy/role-file.ts";
import { seededNumbers } from "../../support/seeded.ts";

function rolesOf(text: string): Roles {
  const { roles, findings } = readRoles("roles.yaml", Buffer.from(text));
  expect(findings.filter(isError)).toEqual([]);
  return roles;
}

/** Takes away the grants of these backends, of whichever role. */
function remove(text: string, ...backends: readonly string[]): Removal {
  const roles = rolesOf(text);
  const doomed = [...roles.values()].flatMap(({ name, grants }) =>
    [...grants.values()].filter(({ backend }) => backends.includes(backend)).map((grant) => ({ role: name, grant })),
  );
  return removeGrants(text, roles, doomed);
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mcpctl-patch-"));
  execFileSync("git", ["init", "-q"], { cwd: folder });
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What the file holds once the program has taken the patch. */
function patched(text: string, patch: string, command: readonly [string, ...string[]]): string {
  writeFileSync(join(folder, "roles.yaml"), text);
  const [program, ...args] = command;
  const { status, stderr, stdout } = spawnSync(program, args, { cwd: folder, input: patch, encoding: "utf8" });
  expect([status, `${stdout}${stderr}`]).toEqual([0, program === "git" ? "" : "patching file roles.yaml\n"]);
  return readFileSync(join(folder, "roles.yaml"), "utf8");
}

const GIT = ["git", "apply"] as const;
const PATCH = ["patch", "-p1"] as const;
const PROGRAMS = spawnSync("patch", ["--version"]).status === 0 ? [GIT, PATCH] : [GIT];

const BLOCK = `# Ours.
roleMapping:

  dev:
    # Pods and events.
    - eks-ro # every day
    # mcpctl-ignore MC302: a reason

    # On weekdays.
    - eks-rw
    - backend: postgres-ro # to read

      # Not for writing.
      tools:
        allow:
        - pg_*
    # About the next.
    - costs
  "ops": # on call
  - aws-ro
`;

describe("removeGrants", () => {
  it.each([
    ["a line", BLOCK, ["eks-ro"], [6]],
    ["a line and the suppression that speaks of it", BLOCK, ["eks-rw"], [7, 10]],
    ["all lines of a grant, and no comment about the next one", BLOCK, ["postgres-ro"], [11, 12, 13, 14, 15, 16]],
    ["the last line", "roleMapping:\n  dev:\n    - a\n    - b", ["b"], [4]],
    ["a line of CRLF", "roleMapping:\r\n  dev:\r\n    - a\r\n    - b\r\n", ["a"], [3]],
    [
      "a line of a ConfigMap",
      "kind: ConfigMap\ndata:\n  roles.yaml: |\n    roleMapping:\n      dev:\n        - a\n        - b\n",
      ["a"],
      [6],
    ],
    ["a line of Helm values", "gateway:\n  roleMapping:\n    dev:\n      - a\n      - b\nother: 1\n", ["a"], [4]],
  ])("takes away %s", (_what, text, backends, gone) => {
    const { edits, unremoved } = remove(text, ...backends);
    expect([[...edits].toSorted(([one], [other]) => one - other), unremoved]).toEqual([
      gone.map((line) => [line, null]),
      [],
    ]);
    const patch = patchOf("roles.yaml", text, edits);
    for (const program of PROGRAMS) expect(patched(text, patch, program)).toBe(applyEdits(text, edits));
  });

  it("leaves `[]` to a role that loses everything, and its comments", () => {
    const { edits, unremoved } = remove(BLOCK, "eks-ro", "eks-rw", "postgres-ro", "costs", "aws-ro");
    const left =
      '# Ours.\nroleMapping:\n\n  dev: []\n    # Pods and events.\n\n    # On weekdays.\n    # About the next.\n  "ops": [] # on call\n';
    expect([applyEdits(BLOCK, edits), unremoved]).toEqual([left, []]);
    const patch = patchOf("roles.yaml", BLOCK, edits);
    for (const program of PROGRAMS) expect(patched(BLOCK, patch, program)).toBe(left);
  });

  it.each([
    ["a list on one line", "roleMapping:\n  dev: [a, b]\n", ["dev"]],
    ["a list on one line, all of it", "roleMapping:\n  dev: [a]\n", ["dev"]],
    ["a quoted text in a wrapper", 'data:\n  x: "roleMapping:\\n  dev:\\n  - a\\n  - b\\n"\n', ["dev"]],
    ["a list that is repeated by an alias", "roleMapping:\n  dev: &l\n    - a\n    - b\n  ops: *l\n", ["dev", "ops"]],
  ])("names what it cannot take away: %s", (_what, text, roles) => {
    const { edits, unremoved } = remove(text, "a");
    expect([edits, unremoved.map(({ role }) => role)]).toEqual([new Map(), roles]);
  });

  it("takes away the alias of a grant, and names the grant that it repeats", () => {
    const text = "roleMapping:\n  dev:\n    - &x a\n    - c\n  ops:\n    - b\n    - *x\n";
    const { edits, unremoved } = remove(text, "a", "c");
    expect([edits, unremoved.map(({ role, grant }) => [role, grant.backend])]).toEqual([
      new Map([
        [4, null],
        [7, null],
      ]),
      [["dev", "a"]],
    ]);
  });

  it("takes away just what it was told, from files of any shape, and git agrees", () => {
    const pick = seededNumbers(5);
    for (let round = 0; round < 40; round += 1) {
      const text = randomFile(pick);
      const roles = rolesOf(text);
      const doomed = [...roles.values()].flatMap(({ name, grants }) =>
        [...grants.values()].filter(() => pick(3) === 0).map((grant) => ({ role: name, grant })),
      );
      const { edits, unremoved } = removeGrants(text, roles, doomed);
      expect(unremoved).toEqual([]);
      const left = applyEdits(text, edits);
      const expected = [...roles.values()].map(({ name, grants }) => [
        name,
        [...grants.values()]
          .filter((grant) => !doomed.some((one) => one.grant === grant))
          .map(({ backend }) => backend),
      ]);
      expect([...rolesOf(left).values()].map(({ name, grants }) => [name, [...grants.keys()]])).toEqual(expected);
      const patch = patchOf("roles.yaml", text, edits);
      expect(patch === "" ? text : patched(text, patch, GIT)).toBe(left);
    }
  });
});

function randomFile(pick: (below: number) => number): string {
  const filler = (): string =>
    ["", "", "\n", "    # a comment\n", "      # mcpctl-ignore MC303: why\n"][pick(5)] as string;
  const forms: readonly ((name: string) => string)[] = [
    (name) => `- ${name}\n`,
    (name) => `- "${name}" # why\n`,
    (name) => `- { backend: ${name}, tools: { deny: [x] } }\n`,
    (name) => `- backend: ${name}\n      tools:\n${filler()}        allow: [a]\n`,
  ];
  const roles = Array.from({ length: 1 + pick(6) }, (_, role) => {
    const items = Array.from(
      { length: 1 + pick(7) },
      (_item, index) => `${filler()}    ${forms[pick(4)]?.(`backend-${index}`)}`,
    );
    return `  role-${role}:${pick(2) === 0 ? " # whose" : ""}\n${items.join("")}`;
  });
  const text = `roleMapping:\n${roles.join(filler())}`;
  return pick(3) === 0 ? text.trimEnd() : text;
}
