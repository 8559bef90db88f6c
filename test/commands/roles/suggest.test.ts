import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AuditEntry } from "../../../src/lib/audit/format-record.ts";
import { auditLine, auditLog, refusalLine } from "../../support/audit-lines.ts";
import { makeProject, NOW, type Project, type RunResult } from "../../support/run-cli.ts";

const ROLES = `# Ours.
roleMapping:
  dev-readonly:
    - eks-ro # every day
    # mcpctl-ignore MC302: a reason
    - eks-rw
    - backend: postgres-ro
      tools: { allow: [pg_stat] }
  ops: [argo-sync, github-rw]
  qa:
    - costs
`;

let project: Project;
beforeEach(async () => {
  project = await makeProject();
  await writeFile(join(project.cwd, "roles.yaml"), ROLES);
});
afterEach(() => project.remove());

async function suggest(log: string, ...flags: readonly string[]): Promise<RunResult> {
  await writeFile(join(project.cwd, "audit.jsonl"), log);
  return project.run(["roles", "replay", "audit.jsonl", "--suggest", ...flags]);
}

const DAY_MS = 86_400_000;
const ago = (days: number): string => new Date(NOW - days * DAY_MS).toISOString();
/** From 90 days ago until now; what stands between is used. */
const logOf = (...used: readonly Partial<AuditEntry>[]): string =>
  auditLog([{ ts: ago(90.5), backend: "eks-rw" }, ...used.map((one) => ({ ts: ago(60), ...one })), { ts: ago(0) }]);

const LAST_NOTE =
  "A grant that was made since may be among them; a gateway whose log is not among these files is not seen.\n";

describe("roles replay --suggest", () => {
  it("prints a patch that takes away what no record used, and names what it leaves", async () => {
    const result = await suggest(logOf({ backend: "postgres-ro" }, { role: "ops", backend: "argo-sync" }));
    expect(result).toEqual({
      code: 0,
      out: `--- a/roles.yaml
+++ b/roles.yaml
@@ -2,10 +2,7 @@
 roleMapping:
   dev-readonly:
     - eks-ro # every day
-    # mcpctl-ignore MC302: a reason
-    - eks-rw
     - backend: postgres-ro
       tools: { allow: [pg_stat] }
   ops: [argo-sync, github-rw]
-  qa:
-    - costs
+  qa: []
`,
      err:
        "roles.yaml:9:20: ops does not use github-rw; it shares its line, or stands there by an alias, and is not in the patch.\n" +
        `3 grants not used in the records of 1 gateway process within 90d.\n${LAST_NOTE}`,
    });
  });

  it("is taken by git apply, also for a file in a folder below, and one with a space in its name", async () => {
    const { out } = await suggest(logOf());
    execFileSync("git", ["init", "-q"], { cwd: project.cwd });
    execFileSync("git", ["apply"], { cwd: project.cwd, input: out });
    const left =
      "# Ours.\nroleMapping:\n  dev-readonly:\n    - eks-ro # every day\n  ops: [argo-sync, github-rw]\n  qa: []\n";
    expect(await readFile(join(project.cwd, "roles.yaml"), "utf8")).toBe(left);
    await mkdir(join(project.cwd, "a b"));
    await writeFile(join(project.cwd, "a b", "my roles.yaml"), ROLES);
    const below = await project.run(["roles", "replay", "audit.jsonl", "--suggest", "--roles", "a b/my roles.yaml"]);
    execFileSync("git", ["apply"], { cwd: project.cwd, input: below.out });
    expect(await readFile(join(project.cwd, "a b", "my roles.yaml"), "utf8")).toBe(left);
  });

  it.each([
    [
      "an old use is none",
      { backend: "eks-rw", ts: ago(91) },
      ["eks-rw", "postgres-ro", "argo-sync", "github-rw", "costs"],
    ],
    [
      "a use with a cut tool is one",
      { backend: "postgres-ro", tool_name: `[omitted: 9 bytes, sha256 ${"0".repeat(64)}]` },
      ["eks-rw", "argo-sync", "github-rw", "costs"],
    ],
    [
      "a call that only began is one",
      { backend: "eks-rw", phase: "start" },
      ["postgres-ro", "argo-sync", "github-rw", "costs"],
    ],
    [
      "a call of another role is none",
      { role: "qa", backend: "eks-rw" },
      ["eks-rw", "postgres-ro", "argo-sync", "github-rw", "costs"],
    ],
    [
      "a role whose backend is not told may use all",
      { role: "ops", backend: null },
      ["eks-rw", "postgres-ro", "costs"],
    ],
  ] as const)("knows that %s", async (_what, use, unused) => {
    const { out } = await suggest(logOf(use), "-o", "json");
    expect((JSON.parse(out) as { unused: { backend: string }[] }).unused.map(({ backend }) => backend)).toEqual(unused);
  });

  it("takes a call that a lock refused for a use", async () => {
    const lock = refusalLine("role_locked", {
      request_id: "req_locked",
      seq: 3,
      ts: ago(1),
      role: "qa",
      backend: "costs",
    });
    const { out } = await suggest(logOf() + lock);
    expect(out).not.toContain("\n-    - costs");
  });

  it("tells it as JSON", async () => {
    const { code, out } = await suggest(
      logOf({ role: "ops", backend: "argo-sync" }, { backend: "eks-rw" }),
      "-o",
      "json",
    );
    const place = (line: number, column: number) => ({ file: "roles.yaml", line, column });
    expect([code, JSON.parse(out)]).toEqual([
      0,
      {
        roles: "roles.yaml",
        unused_for: "90d",
        since: ago(90),
        problems: [],
        unused: [
          { role: "dev-readonly", backend: "postgres-ro", place: place(7, 7), in_patch: true },
          { role: "ops", backend: "github-rw", place: place(9, 20), in_patch: false },
          { role: "qa", backend: "costs", place: place(11, 7), in_patch: true },
        ],
        patch: expect.stringContaining("-    - backend: postgres-ro\n"),
        log: {
          records: 4,
          older: 1,
          repeated: 0,
          unchecked: 0,
          foreign: 0,
          unfinished: 0,
          unsampled: 0,
          missing: 0,
          instances: 1,
          first: ago(90.5),
          last: ago(0),
        },
      },
    ]);
  });

  it("says so when every grant is used", async () => {
    const used = [
      ["dev-readonly", "eks-rw"],
      ["dev-readonly", "postgres-ro"],
      ["ops", "argo-sync"],
      ["ops", "github-rw"],
      ["qa", "costs"],
    ];
    expect(await suggest(logOf(...used.map(([role = "", backend = ""]) => ({ role, backend }))))).toEqual({
      code: 0,
      out: "",
      err: "Every grant is used in the records of 1 gateway process within 90d.\n",
    });
  });

  const HINT = "Name every file of that time, or say --allow-gaps if you know why they are not whole.\n";

  it("suggests nothing where the logs do not reach back, and says how far they do", async () => {
    const log = auditLog([{ ts: ago(89) }, { ts: ago(0) }]);
    for (const flags of [[], ["--allow-gaps"]])
      expect(await suggest(log, ...flags)).toEqual({
        code: 7,
        out: "",
        err: `The logs do not reach back 90d: the oldest of 2 records is of ${ago(89)}. Name older ones, or a shorter --unused.\n`,
      });
    expect((await suggest(log, "--unused", "88d")).code).toBe(0);
  });

  it.each([
    [
      "end early",
      auditLog([{ ts: ago(91) }, { ts: ago(2) }]),
      `The logs end at ${ago(2)}: what was used after is not known.\n`,
    ],
    [
      "lack records between",
      auditLog([{ ts: ago(91) }, { ts: ago(0), seq: 5 }]),
      "3 records of the gateways not in these files.\n",
    ],
    [
      "lack the beginning of a process",
      `${auditLog([{ ts: ago(91) }])}${auditLine({ ts: ago(0), request_id: "req_of_gw_2", instance: "gw-2", seq: 4 })}`,
      "3 records of the gateways not in these files.\n",
    ],
    ["have a line that cannot be read", `${logOf()}half of a rec`, "1 line not readable.\n"],
  ])("suggests nothing where the logs %s, unless that is said to be well", async (_what, log, problem) => {
    expect(await suggest(log)).toEqual({ code: 7, out: "", err: problem + HINT });
    const { code, err } = await suggest(log, "--allow-gaps");
    expect([code, err.startsWith(problem)]).toEqual([0, true]);
  });

  it("exits 3 where there is no record", async () => {
    const { code, err } = await suggest("\n");
    expect([code, err]).toEqual([3, expect.stringContaining("there is no audit record in these files")]);
  });
});
