import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AppError } from "../../../src/lib/errors.ts";
import type { UndeliveredKey } from "../../../src/lib/keys/undelivered.ts";
import { openJournals } from "../../../src/lib/stores/delivery-journal.ts";
import { filesBelow } from "../../support/files-below.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { makeProject, mintedKeys, NOW, type Project } from "../../support/run-cli.ts";
import { seededBytes } from "../../support/seeded.ts";

const [LOST] = mintedKeys(1, seededBytes("lost")) as [ReturnType<typeof mintedKeys>[number]];
const [NEXT] = mintedKeys(1) as [ReturnType<typeof mintedKeys>[number]];
const OLD = "a".repeat(64);
const CREATE = ["keys", "create", "--role", "dev-readonly", "--user", "alice", "-o", "token"];
const ROTATE = ["keys", "rotate", "k_aaaaaaaaaaaa", "--yes", "-o", "token"];
const CUT_OFF = `${LOST.id} was made by a command that was cut off before its token was delivered; it is revoked.\n`;
const OWED =
  "A rotation of k_aaaaaaaaaaaa was cut off and its successor not delivered: run `mcpctl keys rotate k_aaaaaaaaaaaa`.\n";

let project: Project;
let store: MemoryStore;
beforeEach(async () => {
  project = await makeProject();
  store = new MemoryStore();
});
afterEach(() => project.remove());

const run = (argv: readonly string[]) => project.run(argv, { store });
const values = async (): Promise<Readonly<Record<string, string>>> =>
  Object.fromEntries((await store.list()).map(({ label, value }) => [label, value]));
const journal = () => openJournals(join(project.cwd, ".mcpctl/undelivered"));

/** What a command leaves that dies after it wrote this down. */
async function dieHolding(more: Partial<UndeliveredKey> = {}): Promise<void> {
  const own = journal().own();
  await own.begin({ hash: LOST.hash, role: "dev-readonly", replaces: null, sink: null, ...more });
  await own.close();
}
const leftOver = async (): Promise<readonly string[]> => filesBelow(join(project.cwd, ".mcpctl/undelivered"));

describe("after keys create was killed, the next one", () => {
  it("revokes the key that nobody received, once, and says so", async () => {
    store.plant(`dev-readonly/${LOST.hash}`, "dev-readonly/alice");
    await dieHolding();
    const { code, err } = await run(CREATE);
    expect({ code, told: err.startsWith(CUT_OFF) }).toEqual({ code: 0, told: true });
    expect(Object.keys(await values())).toEqual([
      `dev-readonly/${LOST.hash}`,
      `dev-readonly/${LOST.hash}.revoked`,
      `dev-readonly/${NEXT.hash}`,
    ]);
    expect(await leftOver()).toEqual([]);
    expect((await run([...CREATE, "--reason", "again"])).err).not.toContain("cut off");
  });

  it("revokes a key whose record may still be on its way", async () => {
    await dieHolding();
    expect((await run(CREATE)).err).toContain(CUT_OFF);
    expect(await values()).toMatchObject({ [`dev-readonly/${LOST.hash}.revoked`]: "at=2026-11-20T10:00:00Z" });
  });

  it("is foretold by keys list, which changes nothing", async () => {
    store.plant(`dev-readonly/${LOST.hash}`, "dev-readonly/alice");
    await dieHolding();
    const told = `${LOST.id} was made by a command that was cut off before its token was delivered; the next \`keys create\` or \`keys rotate\` here revokes it.\n`;
    for (let count = 0; count < 2; count += 1) expect((await run(["keys", "list"])).err).toContain(told);
    expect(Object.keys(await values())).toEqual([`dev-readonly/${LOST.hash}`]);
    expect((await run(CREATE)).err).toContain(CUT_OFF);
    expect((await run(["keys", "list"])).err).not.toContain("cut off");
  });

  it("keeps a key whose token is in its file", async () => {
    const sink = join(project.cwd, "agent.token");
    await writeFile(sink, `${LOST.token.reveal()}\n`);
    store.plant(`dev-readonly/${LOST.hash}`, "dev-readonly/alice");
    await dieHolding({ sink });
    expect((await run(CREATE)).err).not.toContain(LOST.id);
    expect(Object.keys(await values())).toEqual([`dev-readonly/${LOST.hash}`, `dev-readonly/${NEXT.hash}`]);
    expect(await leftOver()).toEqual([]);
  });

  it.each([
    ["half a token", LOST.token.reveal().slice(0, 40)],
    ["a token on a line that was not ended", LOST.token.reveal()],
    ["another token", `${NEXT.token.reveal()}\n`],
    ["nothing", ""],
  ])("revokes a key whose file holds %s", async (_what, text) => {
    const sink = join(project.cwd, "agent.token");
    await writeFile(sink, text);
    await dieHolding({ sink });
    expect((await run(CREATE)).err).toContain(CUT_OFF);
  });

  it("says what it could not revoke yet, keeps it in mind, and makes its own key", async () => {
    await dieHolding();
    store.failNext("create", new AppError("unavailable", "aws_failing", "the store is down"));
    expect(await run(CREATE)).toMatchObject({
      code: 0,
      err: expect.stringContaining(
        `${LOST.id}, which nobody received, is not revoked yet: the store is down. The next command tries again.\n`,
      ),
    });
    expect((await run(CREATE)).err).toContain(CUT_OFF);
  });

  it("leaves alone what a command that still runs has not delivered yet", async () => {
    const own = journal().own();
    await own.begin({ hash: LOST.hash, role: "dev-readonly", replaces: null, sink: null });
    expect((await run(CREATE)).err).not.toContain(LOST.id);
    expect(Object.keys(await values())).toEqual([`dev-readonly/${NEXT.hash}`]);
    await own.settle(LOST.hash);
    await own.close();
  });
});

describe("after keys rotate was killed", () => {
  beforeEach(() => store.plant(`dev-readonly/${OLD}`, "dev-readonly/alice"));
  const plantSuccessor = (): void => {
    store.plant(`dev-readonly/${LOST.hash}`, "dev-readonly/alice");
    store.plant(`dev-readonly/${OLD}.ends`, `exp=2026-11-21T09:00:00Z&next=${LOST.id}`);
  };

  it("before the old key's end, it is rotated as if nothing had been", async () => {
    store.plant(`dev-readonly/${LOST.hash}`, "dev-readonly/alice");
    await dieHolding({ replaces: OLD });
    expect(await run(ROTATE)).toMatchObject({ code: 0, out: `${NEXT.token.reveal()}\n` });
    expect(await values()).toMatchObject({
      [`dev-readonly/${LOST.hash}.revoked`]: "at=2026-11-20T10:00:00Z",
      [`dev-readonly/${OLD}.ends`]: `exp=2026-11-21T10:00:00Z&next=${NEXT.id}`,
    });
    expect(await leftOver()).toEqual([]);
  });

  it("after the old key's end, repeating it makes another successor and leaves the end as it was", async () => {
    plantSuccessor();
    await dieHolding({ replaces: OLD });
    const { code, out, err } = await run(ROTATE);
    expect({ code, out }).toEqual({ code: 0, out: `${NEXT.token.reveal()}\n` });
    expect(err).toContain(
      `${CUT_OFF}Rotated k_aaaaaaaaaaaa to ${NEXT.id} for alice in role dev-readonly; the old key works until 2026-11-21T09:00:00Z.\n`,
    );
    expect(await values()).toEqual({
      [`dev-readonly/${OLD}`]: "dev-readonly/alice",
      [`dev-readonly/${OLD}.ends`]: `exp=2026-11-21T09:00:00Z&next=${LOST.id}`,
      [`dev-readonly/${LOST.hash}`]: "dev-readonly/alice",
      [`dev-readonly/${LOST.hash}.revoked`]: "at=2026-11-20T10:00:00Z",
      [`dev-readonly/${NEXT.hash}`]: "dev-readonly/alice?exp=2027-02-18T10:00:00Z",
    });
    expect(await leftOver()).toEqual([]);
    expect(await run(ROTATE)).toMatchObject({ code: 3, err: expect.stringContaining("is superseded") });
  });

  it("and killed again while it made the other successor, it still makes one, and one only", async () => {
    plantSuccessor();
    const [second] = mintedKeys(1, seededBytes("second"));
    const own = journal().own();
    await own.begin({ hash: LOST.hash, role: "dev-readonly", replaces: OLD, sink: null });
    await own.begin({ hash: second?.hash ?? "", role: "dev-readonly", replaces: OLD, sink: null });
    await own.close();
    expect(await run(ROTATE)).toMatchObject({ code: 0, out: `${NEXT.token.reveal()}\n` });
    expect(await leftOver()).toEqual([]);
    expect(await run(ROTATE)).toMatchObject({ code: 3 });
  });

  it("keys create tells what is owed and leaves it; keys rotate of somebody else leaves it too", async () => {
    plantSuccessor();
    store.plant(`dev-readonly/${"b".repeat(64)}`, "dev-readonly/bob");
    await dieHolding({ replaces: OLD });
    expect((await run(CREATE)).err).toContain(CUT_OFF + OWED);
    const later = await project.run(CREATE, { store, now: () => NOW + 1000, randomBytes: seededBytes("later") });
    expect(later.err.startsWith(OWED)).toBe(true);
    const others = ["keys", "rotate", "--user", "bob", "--yes", "-o", "token"];
    expect(await project.run(others, { store, randomBytes: seededBytes("bob") })).toMatchObject({ code: 0 });
    expect(await project.run(ROTATE, { store, randomBytes: seededBytes("alice") })).toMatchObject({ code: 0 });
    expect(await leftOver()).toEqual([]);
  });

  it("--dry-run changes nothing, and revokes nothing", async () => {
    plantSuccessor();
    await dieHolding({ replaces: OLD });
    const before = await values();
    await run(["keys", "rotate", "--user", "alice", "--dry-run"]);
    expect(await values()).toEqual(before);
    expect(await leftOver()).toHaveLength(2);
  });

  it("nobody gets a successor whose key was revoked since", async () => {
    plantSuccessor();
    await dieHolding({ replaces: OLD });
    store.plant(`dev-readonly/${OLD}.revoked`, "at=2026-11-20T09:30:00Z");
    expect(await run(ROTATE)).toMatchObject({ code: 3, out: "" });
    expect(Object.keys(await values())).not.toContain(`dev-readonly/${NEXT.hash}`);
    expect(await leftOver()).toEqual([]);
  });

  it("into a folder, half a line is taken away and the file goes on", async () => {
    plantSuccessor();
    const sink = join(project.cwd, "tokens/alice.jsonl");
    await mkdir(join(project.cwd, "tokens"), { mode: 0o700 });
    const whole = '{"id":"k_000000000000"}\n';
    await writeFile(sink, `${whole}{"id":"${LOST.id}","token":"bWNw`, { mode: 0o600 });
    await dieHolding({ replaces: OLD, sink });
    const rotated = await run(["keys", "rotate", "--user", "alice", "--yes", "--out", "tokens"]);
    expect(rotated).toMatchObject({ code: 0, err: expect.stringContaining(CUT_OFF) });
    const [first, second, ...more] = (await readFile(sink, "utf8")).split("\n");
    expect([`${first}\n`, (JSON.parse(second ?? "") as { id: string }).id, more]).toEqual([whole, NEXT.id, [""]]);
  });

  it("into a folder, what was delivered before it died is not rotated again", async () => {
    plantSuccessor();
    const sink = join(project.cwd, "tokens/alice.jsonl");
    await mkdir(join(project.cwd, "tokens"), { mode: 0o700 });
    await writeFile(sink, `{"id":"${LOST.id}","token":"${LOST.token.reveal()}"}\n`, { mode: 0o600 });
    await dieHolding({ replaces: OLD, sink });
    const before = await values();
    const { code, err } = await run([
      "keys",
      "rotate",
      "--user",
      "alice",
      "--expiring",
      "365d",
      "--yes",
      "--out",
      "tokens",
    ]);
    expect({ code, err }).toEqual({ code: 0, err: "Nothing to rotate.\n" });
    expect(await values()).toEqual(before);
  });
});

describe("a folder of tokens", () => {
  beforeEach(() => store.plant(`dev-readonly/${OLD}`, "dev-readonly/alice"));
  const rotate = () => run(["keys", "rotate", "--user", "alice", "--yes", "--out", "tokens"]);

  it.each([
    ["that others can read", 0o644],
    ["that a group can read", 0o640],
  ])(
    "is refused where a user's file is there %s, and the key that was made is revoked or never made",
    async (_what, mode) => {
      await mkdir(join(project.cwd, "tokens"));
      await writeFile(join(project.cwd, "tokens/alice.jsonl"), "", { mode });
      expect(await rotate()).toMatchObject({ code: 3, err: expect.stringContaining("only you can read") });
      expect(await values()).toEqual({ [`dev-readonly/${OLD}`]: "dev-readonly/alice" });
    },
  );

  it("is refused where a file has its name", async () => {
    await writeFile(join(project.cwd, "tokens"), "");
    expect(await rotate()).toMatchObject({ code: 2, err: expect.stringContaining("--out tokens is a file") });
    expect(await values()).toEqual({ [`dev-readonly/${OLD}`]: "dev-readonly/alice" });
  });
});
