import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AppError } from "../../../src/lib/errors.ts";
import { historyOf } from "../../support/history-of.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { makeProject, NOW, type Project, type RunOptions } from "../../support/run-cli.ts";

const [A, B] = ["a".repeat(64), "b".repeat(64)];
const END = "?exp=2026-12-20T10:00:00Z";

let project: Project;
let store: MemoryStore;
beforeEach(async () => {
  project = await makeProject();
  store = new MemoryStore();
});
afterEach(() => project.remove());

const importing = (argv: readonly string[], options: Partial<RunOptions> = {}) =>
  project.run(["keys", "import", ...argv], { store, ...options });
const lines = (text: string, ...argv: readonly string[]) => importing(["-", "--ttl", "30d", ...argv], { stdin: text });
const values = async (): Promise<Readonly<Record<string, string>>> =>
  Object.fromEntries((await store.list()).map(({ label, value }) => [label, value]));

describe("keys import", () => {
  it("makes a record for each line, with an end, a note and a reason", async () => {
    const text = `${A}:dev-readonly/alice\n${B}:devops-full/bob\n`;
    expect(await lines(text, "--yes", "--reason", "from the old gateway")).toEqual({
      code: 0,
      out: "k_aaaaaaaaaaaa\tdev-readonly\trecord\timported\nk_bbbbbbbbbbbb\tdevops-full\trecord\timported\n",
      err: "Imported 2 keys, 0 markers; 0 stand already, 0 have ended.\nContext default: memory.\n",
    });
    expect(await values()).toEqual({
      [`dev-readonly/${A}`]: `dev-readonly/alice${END}`,
      [`devops-full/${B}`]: `devops-full/bob${END}`,
    });
    const [history] = await historyOf(store, A);
    expect(history?.note).toEqual({
      action: "import",
      at: "2026-11-20T10:00:00Z",
      author: "tester",
      reason: "from the old gateway",
    });
  });

  it("reads a file, and repeated skips what it made", async () => {
    await writeFile(join(project.cwd, "old.json"), JSON.stringify({ [A]: "dev-readonly/alice" }));
    expect(await importing(["old.json", "--ttl", "30d", "--yes"])).toMatchObject({ code: 0 });
    const before = await values();
    const later = { now: () => NOW + 86_400_000 };
    expect(await importing(["old.json", "--ttl", "30d", "--yes"], later)).toEqual({
      code: 0,
      out: "",
      err: "Nothing to import: 0 keys, 0 markers; 1 stand already, 0 have ended. memory was not changed.\n",
    });
    expect(await values()).toEqual(before);
  });

  it("writes nothing while anything is wrong, and names all of it", async () => {
    store.plant(`dev-readonly/${B}.revoked`, "x");
    const text = `${A}:dev-readonly/alice\nhello\n${B}:dev-readonly/bob\n`;
    expect(await lines(text, "--yes")).toEqual({
      code: 3,
      out: "",
      err:
        "line 2: is not <64 hex characters of a hash>:role/user\n" +
        "line 3: this key was revoked; it never comes back\n" +
        "error: 2 entries cannot be imported, so nothing was\n  Mend or take out what is named above, and repeat.\n",
    });
    expect(store.asked.filter((call) => call.startsWith("create"))).toEqual([]);
  });

  it("never repeats what was taken for a hash", async () => {
    const { err } = await lines("bWNwa18wMDAwMDAwMDAwMDAwMDAw:dev-readonly/alice", "--yes");
    expect(err).not.toContain("bWNwa1");
  });

  it("refuses a key that was pruned", async () => {
    await store.bury([{ hash: A, removedAt: NOW, expiresAt: null }]);
    expect(await lines(`${A}:dev-readonly/alice`, "--yes")).toMatchObject({
      code: 3,
      err: expect.stringContaining("line 1: this key had ended and was pruned; it never comes back\n"),
    });
  });

  it.each([
    [[], 2, "--ttl must be given"],
    [["--ttl", "400d"], 3, "--ttl 400d is longer than the maximum of 365d"],
    [["--ttl", "never"], 3, "--ttl never is longer than the maximum of 365d"],
    [["--ttl", "soon"], 2, '--ttl "soon" is not a duration'],
  ])("with %o is refused", async (argv, code, message) => {
    const result = await importing(["-", "--yes", ...argv], { stdin: `${A}:dev-readonly/alice` });
    expect(result).toMatchObject({ code, err: expect.stringContaining(`error: ${message}`) });
    expect(await values()).toEqual({});
  });

  it.each([
    ["nothing", "", "standard input holds no keys"],
    ["comments", "# none\n\n", "standard input holds no keys"],
    ["half a keys.json", '{"a"', "standard input is not a keys.json"],
    ["other bytes than UTF-8", new Uint8Array([0xff, 0xfe]), "standard input is not UTF-8"],
  ])("of %s is an error", async (_what, stdin, message) => {
    const result = await importing(["-", "--ttl", "30d", "--yes"], { stdin });
    expect(result).toMatchObject({ code: 3, err: expect.stringContaining(`error: ${message}`) });
  });

  it("does not wait for input that a terminal will not give", async () => {
    expect(await importing(["-", "--ttl", "30d", "--yes"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("standard input is a terminal"),
    });
  });

  it("shows what it would do, and asks", async () => {
    expect(await lines(`${A}:dev-readonly/alice`, "--dry-run")).toEqual({
      code: 0,
      out: "k_aaaaaaaaaaaa\tdev-readonly\trecord\twould_import\n",
      err: "Dry run: it would import 1 keys, 0 markers; 0 stand already, 0 have ended. memory was not changed.\n",
    });
    await writeFile(join(project.cwd, "old.txt"), `${A}:dev-readonly/alice`);
    const refused = await importing(["old.txt", "--ttl", "30d"], { answers: ["n"] });
    expect([refused.code, await values()]).toEqual([2, {}]);
    const unasked = await importing(["old.txt", "--ttl", "30d"]);
    expect([unasked.code, await values()]).toEqual([2, {}]);
    const agreed = await importing(["old.txt", "--ttl", "30d"], { answers: ["y"] });
    expect([agreed.code, Object.keys(await values())]).toEqual([0, [`dev-readonly/${A}`]]);
  });

  it("that fails in the middle says how far it came, and is finished by repeating it", async () => {
    const hashes = Array.from({ length: 25 }, (_, number) => number.toString(16).padStart(64, "0"));
    const text = hashes.map((hash) => `${hash}:dev-readonly/alice`).join("\n");
    store.failAfter(14, "create", new AppError("unavailable", "aws_failing", "the store is down"));
    expect(await lines(text, "--yes")).toMatchObject({
      code: 5,
      err: "10 of 25 entries were imported before it failed; repeat the command.\nerror: the store is down\n",
    });
    expect(await lines(text, "--yes")).toMatchObject({
      code: 0,
      err: expect.stringContaining("Imported 11 keys, 0 markers; 14 stand already, 0 have ended."),
    });
    expect(Object.keys(await values())).toHaveLength(25);
  });

  it("is not proven when the store does not show what it took", async () => {
    store.unproveNext();
    expect(await lines(`${A}:dev-readonly/alice`, "--yes")).toMatchObject({
      code: 6,
      out: "k_aaaaaaaaaaaa\tdev-readonly\trecord\tunproven\n",
      err: expect.stringContaining("Not proven: 1 were accepted and cannot be read back. Repeat the command.\n"),
    });
  });
});

describe("keys export", () => {
  const exporting = (...argv: readonly string[]) => project.run(["keys", "export", ...argv], { store });
  beforeEach(() => {
    store.plant(`devops-full/${B}`, "devops-full/bob");
    store.plant(`devops-full/${B}.revoked`, "at=2026-11-01T00:00:00Z");
    store.plant(`dev-readonly/${A}`, "dev-readonly/alice?exp=2026-12-01T00:00:00Z");
    store.plant(`dev-readonly/${A}.ends`, "exp=2026-11-25T00:00:00Z&next=k_bbbbbbbbbbbb");
    store.plant("stray", "x");
  });

  it("prints a keys.json of everything, which another store takes as it is", async () => {
    const { code, out, err } = await exporting();
    expect({ code, data: JSON.parse(out) as unknown, err }).toEqual({
      code: 0,
      data: {
        [`dev-readonly.${A}`]: "dev-readonly/alice?exp=2026-12-01T00:00:00Z",
        [`dev-readonly.${A}.ends`]: "exp=2026-11-25T00:00:00Z&next=k_bbbbbbbbbbbb",
        [`devops-full.${B}`]: "devops-full/bob",
        [`devops-full.${B}.revoked`]: "at=2026-11-01T00:00:00Z",
      },
      err: "Left out: 1 that are no key entries; see `mcpctl keys list`.\n",
    });
    const other = new MemoryStore();
    expect(await importing(["-", "--ttl", "365d", "--yes"], { stdin: out, store: other })).toMatchObject({ code: 0 });
    expect((await other.list()).map(({ label }) => label)).toEqual([
      `dev-readonly/${A}.ends`,
      `devops-full/${B}.revoked`,
      `dev-readonly/${A}`,
      `devops-full/${B}`,
    ]);
  });

  it("prints accepted keys as lines, with the end that holds; or those of one role", async () => {
    expect(await exporting("-o", "lines")).toMatchObject({
      code: 0,
      out: `${A}:dev-readonly/alice?exp=2026-11-25T00:00:00Z\n`,
    });
    const { out } = await exporting("--role", "devops-full");
    expect(Object.keys(JSON.parse(out) as object)).toEqual([`devops-full.${B}`, `devops-full.${B}.revoked`]);
  });
});
