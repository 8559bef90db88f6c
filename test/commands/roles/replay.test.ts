import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { progressLine } from "../../../src/commands/roles/read-audit.ts";
import { auditLine, auditLog, refusalLine } from "../../support/audit-lines.ts";
import { makeProject, NOW, type Project, type RunResult } from "../../support/run-cli.ts";

const ROLES =
  "roleMapping:\n  dev-readonly:\n    - eks-ro\n  ops:\n    - eks-rw\n    - { backend: postgres-ro, tools: { allow: [pg_stat] } }\n";

let project: Project;
beforeEach(async () => {
  project = await makeProject();
  await write("new.yaml", ROLES);
});
afterEach(() => project.remove());

function write(name: string, contents: string | Uint8Array): Promise<void> {
  return writeFile(join(project.cwd, name), contents);
}

/** Judges this log by new.yaml. */
async function replay(log: string | Uint8Array, ...flags: readonly string[]): Promise<RunResult> {
  await write("audit.jsonl", log);
  return project.run(["roles", "replay", "audit.jsonl", "--roles", "new.yaml", ...flags]);
}

const ops = { role: "ops", user: "alice" } as const;
/** One of each: as before, would be refused (twice, alike), would be let through, unknown. */
const LOG =
  auditLog([
    {},
    { ...ops, backend: "eks-ro" },
    { ...ops, backend: "eks-ro", ts: "2026-11-20T09:30:00.000Z" },
    { ...ops, backend: "postgres-ro", method: "tools/list", tool_name: null, tool_args: null },
  ]) +
  refusalLine("tool_not_granted", {
    ...ops,
    backend: "postgres-ro",
    tool_name: "pg_stat",
    request_id: "req_allowed",
    seq: 5,
  }) +
  refusalLine("user_locked", { ...ops, request_id: "req_locked", seq: 6, unsampled: 2 }) +
  auditLine({
    request_id: "req_client_gone",
    seq: 8,
    reason: "client_gone",
    decision: "unknown",
    type: "mcp_refusal",
  }) +
  "half of a rec\n";

describe("roles replay", () => {
  it("tells what would be refused and let through, what is unknown, and where the logs are not whole", async () => {
    expect(await replay(LOG)).toEqual({
      code: 0,
      err: "",
      out: `Would be refused
  2 x ops -> eks-ro  eks_get_pods  by alice
      2026-11-20T09:00:00Z to 2026-11-20T09:30:00Z  backend_not_granted  new.yaml:4:3

Would be let through
  1 x ops -> postgres-ro  pg_stat  by alice
      2026-11-20T09:00:00Z  tool_not_granted  new.yaml:6:7

Unknown: 1 refused for something else than role and backend, 1 not decided by the gateway, 1 line not readable.
1 record of the gateways not in these files: every count is a lower bound.
2 refusals counted by the gateways and not written: counts are lower bounds.
new.yaml: 2 would be refused, 1 would be let through, 3 unknown, 2 as before, of 7 records.
`,
    });
  });

  it("tells it as JSON", async () => {
    const { out } = await replay(LOG, "-o", "json");
    const change = { ...ops, method: "tools/call", first: "2026-11-20T09:00:00.245Z" };
    expect(JSON.parse(out)).toEqual({
      roles: "new.yaml",
      backends: "backends.yaml",
      since: null,
      calls: {
        refused: 2,
        allowed: 1,
        still_allowed: 2,
        still_refused: 0,
        unknown: 3,
        unlisted_refused: 0,
        unlisted_allowed: 0,
      },
      refused: [
        {
          ...change,
          backend: "eks-ro",
          tool: "eks_get_pods",
          count: 2,
          last: "2026-11-20T09:30:00.000Z",
          reason: "backend_not_granted",
          rule: "role ops does not list eks-ro",
          place: { file: "new.yaml", line: 4, column: 3 },
        },
      ],
      allowed: [
        {
          ...change,
          backend: "postgres-ro",
          tool: "pg_stat",
          count: 1,
          last: "2026-11-20T09:00:00.245Z",
          reason: "tool_not_granted",
          rule: "role ops lists postgres-ro",
          place: { file: "new.yaml", line: 6, column: 7 },
        },
      ],
      unknown: {
        undecided: 1,
        beside_policy: 1,
        altered: 0,
        nameless: 0,
        unreadable: 1,
        beside: { user_locked: 1 },
      },
      log: {
        records: 7,
        older: 0,
        repeated: 0,
        unchecked: 0,
        foreign: 0,
        unfinished: 0,
        unsampled: 2,
        missing: 1,
        instances: 1,
        first: "2026-11-20T09:00:00.245Z",
        last: "2026-11-20T09:30:00.000Z",
      },
    });
  });

  it("tells it as Markdown, in which a name is nothing but a name", async () => {
    const { out } = await replay(
      auditLog([{ ...ops, backend: "eks-ro", tool_name: "a|b`<img>\u202e" }]),
      "-o",
      "markdown",
    );
    expect(out).toBe(`### Replay of recorded calls

\`new.yaml: 1 would be refused, 0 would be let through, 0 unknown, 0 as before, of 1 record.\`

#### Would be refused

| calls | role | backend | tool or method | user | first | last | why |
|--:|---|---|---|---|---|---|---|
| 1 | \`ops\` | \`eks-ro\` | \`a\`&#124;\`\`b\`<img>\\u202e\`\` | \`alice\` | 2026-11-20T09:00:00Z | 2026-11-20T09:00:00Z | backend_not_granted |
`);
  });

  it.each([
    ["refused", 1],
    ["allowed", 1],
    ["unknown", 1],
    ["any", 1],
    ["refused,unknown", 1],
  ])("exits 1 when --fail-on %s is hit, and not when there is nothing of it", async (what, code) => {
    expect((await replay(LOG, "--fail-on", what)).code).toBe(code);
    expect((await replay(auditLine(), "--fail-on", what)).code).toBe(0);
  });

  it("does not exit 1 for what --fail-on does not name", async () => {
    expect((await replay(auditLog([{ ...ops, backend: "eks-ro" }]), "--fail-on", "allowed,unknown")).code).toBe(0);
  });

  it.each([
    ["is empty", "", "there is no audit record in these files: 0 lines not readable, 0 of something else"],
    [
      "is another program's",
      '{"a":1}\nx\n',
      "there is no audit record in these files: 1 line not readable, 1 of something else",
    ],
    [
      "was judged by nothing of the policy",
      refusalLine("key_expired"),
      "none of 1 record tells of a call that role file and registry decided",
    ],
  ])("exits 3 for a log that %s", async (_what, log, message) => {
    expect(await replay(log)).toEqual({
      code: 3,
      out: "",
      err: `error: ${message}\n  Name the files that \`mcpctl gateway start --audit\` wrote, or what Loki has of its output.\n`,
    });
  });

  it("exits 3 when --since leaves nothing", async () => {
    const { code, err } = await replay(auditLine(), "--since", "30m");
    expect([code, err.split("\n")[0]]).toEqual([
      3,
      "error: none of 1 record tells of a call since 2026-11-20T09:30:00Z that role file and registry decided",
    ]);
    expect((await replay(auditLine(), "--since", "2h")).code).toBe(0);
  });

  it("reads several files, gzip and standard input, each record once", async () => {
    await write("old.gz", gzipSync(auditLog([{ seq: 1 }, { seq: 2 }])));
    const argv = ["roles", "replay", "old.gz", "-", "old.gz", "--roles", "new.yaml", "-o", "json"];
    const { code, out } = await project.run(argv, { stdin: auditLine({ request_id: "req_stdin0", seq: 3 }) });
    expect([code, (JSON.parse(out) as { log: object }).log]).toEqual([
      0,
      expect.objectContaining({ records: 3, repeated: 2, missing: 0 }),
    ]);
  });

  it.each([
    ["a log that is not there", ["none.jsonl"], 3, "the audit log none.jsonl does not exist"],
    ["a folder", ["."], 3, "the audit log"],
    ["a role file that cannot be used", ["a.jsonl", "--roles", "bad.yaml"], 3, "bad.yaml:1:1"],
    ["no log", [], 2, "missing required argument 'files'"],
    ["an event that is none", ["a.jsonl", "--fail-on", "refused,none"], 2, "It must be any, or some of refused"],
    ["a span that is none", ["a.jsonl", "--since", "soon"], 2, '--since "soon" is not a duration'],
    ["--unused alone", ["a.jsonl", "--unused", "3d"], 2, "--unused and --allow-gaps go with --suggest alone"],
    ["--since with --suggest", ["a.jsonl", "--suggest", "--since", "3d"], 2, "--since and --fail-on do not go"],
  ])("refuses %s", async (_what, argv, code, message) => {
    await write("a.jsonl", auditLine());
    await write("bad.yaml", "roles: 1\n");
    const result = await project.run(["roles", "replay", ...argv]);
    expect([result.code, result.out]).toEqual([code, ""]);
    expect(result.err).toContain(message);
  });

  it("ends with 130 when it is interrupted", async () => {
    await write("a.jsonl", auditLine());
    const stop = new AbortController();
    stop.abort();
    const { code, out } = await project.run(["roles", "replay", "a.jsonl"], { signal: stop.signal });
    expect([code, out]).toEqual([130, ""]);
  });

  it("reads no configuration of the user, and shows how far it is", async () => {
    await write("a.jsonl", auditLine());
    const lines: (string | null)[] = [];
    const config = (): never => {
      throw new Error("the user's configuration was read");
    };
    const ports = { config, progress: (line: string | null) => lines.push(line) };
    expect((await project.run(["roles", "replay", "a.jsonl"], { ports, now: () => NOW })).code).toBe(0);
    expect(lines).toEqual(["[####################] 0 of 0 MB, 0 s left", null]);
  });
});

describe("progressLine", () => {
  it.each([
    [{ bytes: 0, total: 4e8, records: 0, elapsedMs: 0 }, "[--------------------] 0 of 400 MB"],
    [
      { bytes: 3e8, total: 1.2e9, records: 400_000, elapsedMs: 2_000 },
      "[#####---------------] 300 of 1,200 MB, 200,000 records/s, 6 s left",
    ],
    [{ bytes: 3e8, total: Infinity, records: 400_000, elapsedMs: 2_000 }, "300 MB, 200,000 records/s"],
    [{ bytes: 9, total: 5, records: 1, elapsedMs: 1 }, "[####################] 0 of 0 MB, 1,000 records/s, 0 s left"],
  ])("tells %o", (progress, line) => {
    expect(progressLine(progress)).toBe(line);
  });
});
