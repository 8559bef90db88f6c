import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AppError } from "../../../src/lib/errors.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { makeProject, NOW, type Project, type RunOptions } from "../../support/run-cli.ts";

const DAY_MS = 86_400_000;
const [A, B] = ["a".repeat(64), "b".repeat(64)];

let project: Project;
let store: MemoryStore;
beforeEach(async () => {
  project = await makeProject();
  store = new MemoryStore();
  store.plant(`dev/${A}`, "dev/alice?exp=2026-10-01T00:00:00Z");
  store.plant(`dev/${A}.revoked`, "at=2026-09-01T00:00:00Z");
  store.plant(`dev/${B}`, "dev/bob");
});
afterEach(() => project.remove());

const prune = (argv: readonly string[] = ["--yes"], options: Partial<RunOptions> = {}) =>
  project.run(["keys", "prune", ...argv], { store, ...options });
const labels = async (): Promise<readonly string[]> => (await store.list()).map(({ label }) => label);
const removals = (): readonly string[] => store.asked.filter((call) => /^(?:remove|bury)/.test(call));

describe("keys prune", () => {
  it("deletes the record, buried first, and a day later its markers; what lives is not touched", async () => {
    expect(await prune()).toEqual({
      code: 0,
      out: "k_aaaaaaaaaaaa\tdev\trecord\tdeleted\n",
      err: "Deleted 1 of 1 records and 0 markers.\nContext default: memory.\n",
    });
    expect(removals()).toEqual([`bury ${A}`, `remove dev/${A}`]);
    expect(await labels()).toEqual([`dev/${A}.revoked`, `dev/${B}`]);
    expect(await prune()).toEqual({
      code: 0,
      out: "",
      err: "Nothing to prune.\n1 keys without a record keep their markers.\n",
    });
    expect(await prune(["--yes"], { now: () => NOW + DAY_MS })).toMatchObject({
      code: 0,
      out: "k_aaaaaaaaaaaa\tdev\trevoked\tdeleted\n",
    });
    expect(await labels()).toEqual([`dev/${B}`]);
    expect(await store.tombstones()).toEqual([
      { hash: A, removedAt: NOW, expiresAt: Date.parse("2026-10-01T00:00:00Z") },
    ]);
  });

  it("keeps the markers of a record that was made again since the list was read", async () => {
    await prune();
    store.plant(`dev/${A}`, "dev/alice");
    const [record] = await store.read([{ role: "dev", hash: A, part: "record" }]);
    store.lose({ role: "dev", hash: A, part: "record" });
    const stale = await store.list();
    const seesLess = Object.assign(new MemoryStore({ sharing: store }), { list: async () => stale });
    store.plant(`dev/${A}`, record?.value ?? "");
    const { code, err } = await prune(["--yes"], { store: seesLess, now: () => NOW + DAY_MS });
    expect({ code, err }).toMatchObject({
      code: 6,
      err: expect.stringContaining("Not proven: the store still shows 1"),
    });
    expect(await labels()).toContain(`dev/${A}.revoked`);
  });

  it("deletes nothing that could not be buried", async () => {
    store.failNext("bury", new AppError("forbidden", "aws_access_denied", "denied"));
    expect(await prune()).toEqual({ code: 4, out: "", err: "error: denied\n" });
    expect(await labels()).toHaveLength(3);
  });

  it("deletes nothing where what was buried cannot be read", async () => {
    store.failNext("tombstones", new AppError("invalid", "pruned_unreadable", "unreadable"));
    expect(await prune()).toEqual({ code: 3, out: "", err: "error: unreadable\n" });
    expect(removals()).toEqual([]);
  });

  it("is finished by repeating it after a failure between burial and deletion", async () => {
    store.failNext("remove", new AppError("unavailable", "aws_failing", "down"));
    expect(await prune()).toMatchObject({ code: 5 });
    expect(await labels()).toHaveLength(3);
    expect(await prune()).toMatchObject({ code: 0 });
    expect(await labels()).toEqual([`dev/${A}.revoked`, `dev/${B}`]);
  });

  it("shows what it would do, and asks", async () => {
    expect(await prune(["--dry-run"])).toEqual({
      code: 0,
      out: "k_aaaaaaaaaaaa\tdev\trecord\twould_delete\n",
      err: "Dry run: 1 records and 0 markers would be deleted from memory.\n",
    });
    expect(await prune([])).toMatchObject({ code: 2 });
    expect(await prune([], { answers: ["n"] })).toMatchObject({ code: 2 });
    expect(removals()).toEqual([]);
    expect(await prune([], { answers: ["y"] })).toMatchObject({ code: 0 });
  });

  it("of the embedded store leaves a log line, and what was pruned is still told", async () => {
    const files = project.fileStore();
    const note = { action: "create", at: "2026-09-01T00:00:00Z" } as const;
    await files.create([
      { name: { role: "dev", hash: A, part: "record" }, value: "dev/alice?exp=2026-10-01T00:00:00Z", note },
    ]);
    expect(await project.run(["keys", "prune", "--yes", "--reason", "spring"])).toMatchObject({ code: 0 });
    expect(await project.run(["keys", "show", "k_aaaaaaaaaaaa"])).toMatchObject({
      code: 3,
      err: "error: k_aaaaaaaaaaaa had ended, and was pruned at 2026-11-20T10:00:00Z\n  It can never be used or imported again.\n",
    });
    const imported = await project.run(["keys", "import", "-", "--ttl", "1d", "--yes"], {
      stdin: `${A}:dev-readonly/alice`,
    });
    expect(imported).toMatchObject({ code: 3, err: expect.stringContaining("it never comes back") });
  });
});
