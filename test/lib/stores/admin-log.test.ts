import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AdminLine, appendAdminLines, readAdminLines } from "../../../src/lib/stores/admin-log.ts";

const LINE: AdminLine = {
  phase: "intent",
  ts: "2026-11-20T10:00:00.000Z",
  change_id: "chg_abcdef",
  action: "create",
  by: "alice",
  entry: `dev.${"a".repeat(64)}`,
  key_id: "k_aaaaaaaaaaaa",
  role: "dev",
  user: "agent",
  reason: "für die Demo",
  at: "2026-11-20T10:00:00Z",
  author: null,
  outcome: null,
};
const OUTCOME: AdminLine = { ...LINE, phase: "outcome", outcome: "done" };

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcpctl-log-"));
  path = join(folder, "admin.jsonl");
});
afterEach(() => rm(folder, { recursive: true }));

describe("the admin log", () => {
  it("is empty before it is made", async () => {
    expect(await readAdminLines(path)).toEqual([]);
  });

  it("reads what was appended, in order, from a file of its owner", async () => {
    await appendAdminLines(path, [LINE]);
    await appendAdminLines(path, [OUTCOME]);
    expect(await readFile(path, "utf8")).toBe(`${JSON.stringify(LINE)}\n${JSON.stringify(OUTCOME)}\n`);
    expect(await readAdminLines(path)).toEqual([LINE, OUTCOME]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it.each([
    ["in its middle", 40],
    ["in the middle of a character", Buffer.from(JSON.stringify(LINE)).indexOf("ü") + 1],
    ["before its line end", Buffer.byteLength(JSON.stringify(LINE))],
  ])("survives a line that a crash cut short %s: the next one is whole", async (_what, length) => {
    await appendAdminLines(path, [OUTCOME]);
    await appendFile(path, Buffer.from(JSON.stringify(LINE)).subarray(0, length));
    await appendAdminLines(path, [OUTCOME]);
    const whole = length === Buffer.byteLength(JSON.stringify(LINE)) ? [LINE] : [];
    expect(await readAdminLines(path)).toEqual([OUTCOME, ...whole, OUTCOME]);
  });

  it.each([
    ["prose", "rotated by hand"],
    ["another object", "{}"],
    ["an unknown field", JSON.stringify({ ...LINE, note: 1 })],
    ["a number", "7"],
    ["nothing", ""],
  ])("leaves out a line that is %s", async (_what, line) => {
    await writeFile(path, `${line}\n${JSON.stringify(LINE)}\n`);
    expect(await readAdminLines(path)).toEqual([LINE]);
  });

  it("cannot be a folder, or lie in one that is not there", async () => {
    await expect(appendAdminLines(folder, [LINE])).rejects.toMatchObject({
      name: "AppError",
      kind: "invalid",
      code: "path_is_folder",
    });
    await expect(appendAdminLines(join(folder, "no/admin.jsonl"), [LINE])).rejects.toMatchObject({ kind: "not-found" });
  });
});
