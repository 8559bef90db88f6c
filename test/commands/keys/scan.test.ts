import { execFileSync } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AppError } from "../../../src/lib/errors.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { leakedKey } from "../../support/leaks.ts";
import { makeProject, type Project, type RunOptions } from "../../support/run-cli.ts";
import { seededBytes } from "../../support/seeded.ts";

const [LIVE, DEAD, OTHER] = ["live", "dead", "other"].map((seed) => leakedKey(seededBytes(seed)(32))) as [
  ReturnType<typeof leakedKey>,
  ReturnType<typeof leakedKey>,
  ReturnType<typeof leakedKey>,
];
const ZEROS = leakedKey(new Uint8Array(32));

let project: Project;
let store: MemoryStore;
beforeEach(async () => {
  project = await makeProject();
  store = new MemoryStore();
  store.plant(`dev/${LIVE.hash}`, "dev/alice");
  store.plant(`dev/${DEAD.hash}`, "dev/bob");
  store.plant(`dev/${DEAD.hash}.revoked`, "at=2026-11-01T00:00:00Z");
  await mkdir(join(project.cwd, "src/deep"), { recursive: true });
});
afterEach(() => project.remove());

const put = (name: string, text: string) => writeFile(join(project.cwd, "src", name), text);
const scan = (argv: readonly string[] = ["src"], options: Partial<RunOptions> = {}) =>
  project.run(["keys", "scan", ...argv], { store, ...options });
const hint = `LIVE: ${LIVE.id}. End it: mcpctl keys revoke ${LIVE.id} --reason "found by a scan"\n`;

describe("keys scan", () => {
  it("tells where tokens are and which are live, and never what they are: exit 1", async () => {
    await put("a.env", `X=1\nTOKEN=${LIVE.token}\n`);
    await put("deep/b.md", `see ${DEAD.key} and ${OTHER.token}`);
    const { code, out, err } = await scan();
    expect({ code, out }).toEqual({
      code: 1,
      out:
        `src/a.env:2:7\t${LIVE.id}\tactive\tdev\talice\n` +
        `src/deep/b.md:1:5\t${DEAD.id}\trevoked\tdev\tbob\n` +
        `src/deep/b.md:1:64\t${OTHER.id}\tnot_in_store\t-\t-\n`,
    });
    expect(err).toBe(
      `${hint}1 not in this store; perhaps live in another context's (--context).\n` +
        `Searched 2 files, ${83 + 4 + 54 + 5 + 72} bytes: 3 found, 0 links and special files skipped, 0 unreadable.\n`,
    );
    for (const secret of [LIVE.token, DEAD.key, OTHER.token]) expect(out + err).not.toContain(secret.slice(8, 30));
  });

  it("counts only live ones when asked to", async () => {
    await put("b.md", `${DEAD.token}\n${OTHER.token}`);
    expect(await scan(["src", "--live"])).toMatchObject({ code: 0, out: "" });
    await put("a.env", LIVE.token);
    expect(await scan(["src", "--live", "-o", "name"])).toMatchObject({ code: 1, out: `${LIVE.id}\n` });
  });

  it("finds nothing in nothing: exit 0; and asks no store about it", async () => {
    await put("a.env", "TOKEN=\n");
    expect(await scan()).toEqual({
      code: 0,
      out: "",
      err: "Searched 1 file, 7 bytes: 0 found, 0 links and special files skipped, 0 unreadable.\n",
    });
    expect(store.asked).toEqual([]);
  });

  it("is an error where there is nothing to search: exit 3", async () => {
    const nothing = (label: string) => ({
      code: 3,
      out: "",
      err:
        `error: ${label}: there is nothing to search\n` +
        "  Name files, or folders that hold some; an empty standard input is what a program leaves that failed.\n",
    });
    expect(await scan()).toEqual(nothing("src"));
    expect(await scan(["-"], { stdin: "" })).toEqual(nothing("standard input"));
    expect(await scan(["/dev/null", "-"], { stdin: "" })).toEqual(nothing("/dev/null, standard input"));
    expect(await scan(["nowhere"])).toMatchObject({ code: 5, err: expect.stringContaining("nowhere does not exist") });
  });

  it("is not green when one of several places holds nothing: exit 3", async () => {
    await put("empty", "");
    expect(await scan(["src"])).toMatchObject({ code: 0, err: expect.stringContaining("Searched 1 file, 0 bytes") });
    expect(await scan(["src", "-"], { stdin: "" })).toEqual({
      code: 3,
      out: "",
      err:
        "Not searched: standard input holds nothing to search.\n" +
        "Searched 1 file, 0 bytes: 0 found, 0 links and special files skipped, 0 unreadable.\n",
    });
  });

  it("tells wrong checksums apart, and the published test vector only where a store knows it", async () => {
    await put("a.md", `${LIVE.key.slice(0, -1)}${LIVE.key.endsWith("0") ? "1" : "0"} ${ZEROS.token}`);
    expect(await scan()).toMatchObject({
      code: 0,
      out: "",
      err: expect.stringContaining("src/a.md:1:1 looks like a token, with a wrong checksum"),
    });
    await put("a.md", ZEROS.token);
    store.plant(`dev/${ZEROS.hash}`, "dev/eve");
    expect(await scan()).toMatchObject({ code: 1, out: expect.stringContaining(ZEROS.id) });
  });

  it("reads standard input, and several places", async () => {
    await put("a.env", DEAD.token);
    const { code, out } = await scan(["-", "src/a.env"], { stdin: `diff\n+${LIVE.token}\n` });
    expect({ code, out }).toEqual({
      code: 1,
      out: `standard input:2:2\t${LIVE.id}\tactive\tdev\talice\nsrc/a.env:1:1\t${DEAD.id}\trevoked\tdev\tbob\n`,
    });
  });

  it("follows a link that is named and none that it meets, and opens no pipe and no .git", async () => {
    await put("a.env", LIVE.token);
    await symlink(join(project.cwd, "src"), join(project.cwd, "link"));
    await mkdir(join(project.cwd, "tree/.git"), { recursive: true });
    await writeFile(join(project.cwd, "tree/.git/config"), LIVE.token);
    await symlink(join(project.cwd, "src/a.env"), join(project.cwd, "tree/to-a"));
    await symlink(join(project.cwd, "tree"), join(project.cwd, "tree/round"));
    execFileSync("mkfifo", [join(project.cwd, "tree/pipe")]);
    await writeFile(join(project.cwd, "tree/plain"), "x");
    expect(await scan(["link"])).toMatchObject({ code: 1 });
    expect(await scan(["tree"])).toEqual({
      code: 0,
      out: "",
      err: "Searched 1 file, 1 bytes: 0 found, 3 links and special files skipped, 0 unreadable.\n",
    });
  });

  it("goes on after what it cannot read, and says so: exit 5, or 1 when it found something", async () => {
    await put("a.env", "x");
    const missing = expect.stringContaining("Not searched: ") as unknown;
    expect(await scan(["nowhere", "src"])).toMatchObject({ code: 5, err: missing });
    await put("b.env", LIVE.token);
    expect(await scan(["nowhere", "src"])).toMatchObject({ code: 1, err: missing });
  });

  it("still tells of tokens when the store cannot be asked, or is not to be", async () => {
    await put("a.env", LIVE.token);
    store.failNext("list", new AppError("unavailable", "aws_failing", "the store is down"));
    expect(await scan()).toMatchObject({
      code: 1,
      out: `src/a.env:1:1\t${LIVE.id}\tnot_asked\t-\t-\n`,
      err: expect.stringContaining("Which of them are live is not known: the store is down.\n"),
    });
    const asked = store.asked.length;
    expect(await scan(["src", "--no-store"])).toMatchObject({ code: 1, out: expect.stringContaining("not_asked") });
    expect(store.asked).toHaveLength(asked);
  });

  it("does not take for dead what nobody said is: --live without an answer exits 7, without a store 2", async () => {
    await put("a.env", LIVE.token);
    store.failNext("list", new AppError("unavailable", "aws_failing", "the store is down"));
    expect(await scan(["src", "--live"])).toMatchObject({
      code: 7,
      out: `src/a.env:1:1\t${LIVE.id}\tnot_asked\t-\t-\n`,
    });
    expect(await scan(["src", "--live", "--no-store"])).toEqual({
      code: 2,
      out: "",
      err: "error: only the store knows what is live\n  Leave out --live or --no-store.\n",
    });
  });

  it("does not take an empty store for an answer: --live exits 7", async () => {
    await put("a.env", LIVE.token);
    const { code, out, err } = await scan(["src", "--live"], { store: new MemoryStore() });
    expect({ code, out }).toEqual({ code: 7, out: `src/a.env:1:1\t${LIVE.id}\tnot_asked\t-\t-\n` });
    expect(err).toContain("Which of them are live is not known: memory holds no keys.\n");
  });

  it("says how many the store does not know, which --live does not show", async () => {
    await put("a.env", OTHER.token);
    const { code, err } = await scan(["src", "--live"]);
    expect({ code, told: err.split("\n")[0] }).toEqual({
      code: 0,
      told: "1 not in this store; perhaps live in another context's (--context).",
    });
  });

  it("goes on when standard input breaks", async () => {
    await put("a.env", LIVE.token);
    const broken = async function* () {
      yield Buffer.from(`${DEAD.token}\n`);
      throw new AppError("unavailable", "file_failed", "standard input could not be read (EIO)");
    };
    const { code, out, err } = await scan(["-", "src"], { ports: { stdin: broken } });
    expect({ code, places: out.split("\n").map((line) => line.split("\t")[0]) }).toEqual({
      code: 1,
      places: ["standard input:1:1", "src/a.env:1:1", ""],
    });
    expect(err).toContain("Not searched: standard input could not be read (EIO).\n");
  });

  it("keeps no more of what it finds than anybody reads, and is not green after that", async () => {
    const typo = `${DEAD.key.slice(0, -1)}${DEAD.key.endsWith("0") ? "1" : "0"}\n`;
    await put("a.md", typo.repeat(30));
    const { code, err } = await scan();
    expect({ code, lines: err.split("\n").length, rest: err.includes("and 10 more of that kind.\n") }).toEqual({
      code: 0,
      lines: 23,
      rest: true,
    });
    await put("a.md", DEAD.token.repeat(100_001));
    const all = await scan(["src", "--live"]);
    expect(all).toMatchObject({ code: 5, out: "" });
    expect(all.err).toContain("Not searched: the rest, for 100000 tokens were found.\n");
  });

  it("ends at Ctrl-C", async () => {
    await put("a.env", LIVE.token);
    const { code, out } = await scan(["src"], { signal: AbortSignal.abort() });
    expect({ code, out }).toEqual({ code: 130, out: "" });
    await symlink("nowhere", join(project.cwd, "src/deep/link"));
    expect(await scan(["src/deep"], { signal: AbortSignal.abort() })).toMatchObject({ code: 130 });
  });
});
