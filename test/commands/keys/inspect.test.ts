import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MemoryStore } from "../../support/memory-store.ts";
import { makeProject, mintedKeys, type Project, type RunOptions } from "../../support/run-cli.ts";

const [KEY] = mintedKeys(1) as [ReturnType<typeof mintedKeys>[number]];
const TOKEN = KEY.token.reveal();
const RAW = Buffer.from(TOKEN, "base64").toString("latin1");
const LABEL = `dev/${KEY.hash}`;

/** The token of the same key with one other digit in it. */
function mistyped(token: string): string {
  const key = Buffer.from(token, "base64").toString("latin1");
  return Buffer.from(
    key.replace(/(?<=^mcpk_)./, (digit) => (digit === "0" ? "1" : "0")),
    "latin1",
  ).toString("base64");
}

let project: Project;
let store: MemoryStore;
beforeEach(async () => {
  project = await makeProject();
  store = new MemoryStore();
  store.plant(LABEL, "dev/alice?exp=2027-01-01T00:00:00Z");
});
afterEach(() => project.remove());

const inspect = (stdin: string | undefined, options: Partial<RunOptions> = {}) =>
  project.run(["keys", "inspect"], { store, ...(stdin === undefined ? {} : { stdin }), ...options });
const NO_LOCKS = "Locks were not read: .mcpctl/denylist.json does not exist.\n";

describe("keys inspect", () => {
  it("tells whose token it is and that a gateway accepts it", async () => {
    expect(await inspect(`${TOKEN}\n`)).toEqual({
      code: 0,
      out: `Token:    accepted
Because:  A gateway accepts it; what it may call is for its role to say.
Key:      ${KEY.id}
Role:     dev
User:     alice
State:    active
Ends:     2027-01-01T00:00:00Z
`,
      err: `${NO_LOCKS}If it was leaked: mcpctl keys revoke ${KEY.id}\n`,
    });
  });

  it.each([
    ["a header", `Authorization: Bearer ${TOKEN}`],
    ["quotes", `"${TOKEN}"`],
    ["a header in quotes", `'Bearer ${TOKEN}'`],
    ["space and line ends", `\r\n  ${TOKEN}\t\r\n`],
    ["the key itself", RAW],
  ])("takes it with %s", async (_what, pasted) => {
    expect(await inspect(pasted)).toMatchObject({ code: 0, out: expect.stringContaining(KEY.id) });
  });

  it.each([
    ["a typing error", mistyped(TOKEN), "its checksum is wrong: a typing error"],
    ["a lost character", TOKEN.slice(0, -1), "is not canonical base64"],
    ["a lost group", TOKEN.slice(0, -4), "a part is missing or too much"],
    ["too little", "bWNw", "is too short or too long"],
    ["something else", "hello world", "is not canonical base64"],
  ])("says of %s that it is no token, and never what it was: exit 3", async (_what, pasted, message) => {
    const { code, out, err } = await inspect(pasted);
    expect({ code, err }).toEqual({ code: 3, err: "" });
    expect(out).toContain("Token:    not well formed\nBecause:  It is no token: ");
    expect(out).toContain(message);
    expect(out).not.toContain(pasted.slice(0, 12));
  });

  it.each([
    ["revoked", { [`${LABEL}.revoked`]: "at=2026-11-01T00:00:00Z" }, "The key was revoked.", "revoked"],
    [
      "past its end",
      { [`${LABEL}.ends`]: "exp=2026-11-20T10:00:00Z&next=k_0123456789ab" },
      "The key's end has passed.",
      "expired",
    ],
    [
      "copied to another role",
      { [`ops/${KEY.hash}`]: "ops/eve" },
      "The key's record cannot be used",
      "unusable: one hash stands under",
    ],
  ])("says why it is not accepted: %s, exit 1", async (_what, planted, because, state) => {
    for (const [label, value] of Object.entries(planted)) store.plant(label, value);
    const { code, out } = await inspect(TOKEN);
    expect(code).toBe(1);
    expect(out).toContain(`Token:    not accepted\nBecause:  ${because}`);
    expect(out).toContain(`State:    ${state}`);
  });

  it("heeds locks on its key, user and role, and on everything", async () => {
    const lock = (match: object) =>
      JSON.stringify({
        locks: [
          {
            id: "lock_V1StGXR8",
            match,
            reason: "stolen",
            tell: false,
            by: "oncall",
            at: "2026-11-20T03:12:45Z",
            until: null,
          },
        ],
      });
    await project.fileStore().create([
      {
        name: { role: "dev", hash: KEY.hash, part: "record" },
        value: "dev/alice",
        note: { action: "create", at: "2026-11-01T00:00:00Z" },
      },
    ]);
    for (const match of [{ key: KEY.id }, { user: "alice" }, { role: "dev" }, { all: true }]) {
      await writeFile(join(project.cwd, ".mcpctl/denylist.json"), lock(match));
      const { code, out } = await project.run(["keys", "inspect", "-o", "json"], { stdin: TOKEN });
      expect({ code, ...(JSON.parse(out) as object) }).toMatchObject({
        code: 1,
        accepted: false,
        reason: `${Object.keys(match)[0]}_locked`,
        explanation: expect.stringContaining("lock_V1StGXR8"),
      });
    }
    await writeFile(join(project.cwd, ".mcpctl/denylist.json"), lock({ user: "bob" }));
    expect(await project.run(["keys", "inspect"], { stdin: TOKEN })).toMatchObject({ code: 0 });
  });

  it("says that this store does not know it, or that it was pruned", async () => {
    store.lose({ role: "dev", hash: KEY.hash, part: "record" });
    expect(await inspect(TOKEN)).toMatchObject({
      code: 1,
      out: expect.stringContaining("No such key is known to this gateway."),
      err: `${NO_LOCKS}It is not in memory; perhaps in another context's store (--context).\n`,
    });
    await store.bury([{ hash: KEY.hash, removedAt: 0, expiresAt: null }]);
    expect((await inspect(TOKEN)).out).toContain("its record was pruned");
  });

  it("asks for it on a terminal, and takes nothing for nothing", async () => {
    expect(await inspect(undefined, { answers: [TOKEN] })).toMatchObject({ code: 0 });
    expect(await inspect("")).toMatchObject({ code: 3, err: "error: no token was given\n  Pipe it in.\n" });
    expect(await inspect(undefined)).toMatchObject({ code: 2, err: expect.stringContaining("terminal") });
    expect(await inspect("x".repeat(70_000))).toMatchObject({ code: 3, err: expect.stringContaining("more than") });
  });
});

describe("keys revoke --token -", () => {
  const revoke = (stdin: string, ...argv: readonly string[]) =>
    project.run(["keys", "revoke", "--token", "-", ...argv], { store, stdin });
  const labels = async (): Promise<readonly string[]> => (await store.list()).map(({ label }) => label);

  it("revokes the key of the token, and no other that shares its id", async () => {
    const twin = `${KEY.hash.slice(0, 12)}${"0".repeat(52)}`;
    store.plant(`dev/${twin}`, "dev/bob");
    expect(await revoke(TOKEN, "--yes", "--reason", "in a public ticket")).toMatchObject({
      code: 0,
      out: `${KEY.id}\tdev\talice\trevoked\t2026-11-20T10:00:00Z\n`,
    });
    expect(await labels()).toEqual([LABEL, `dev/${twin}`, `${LABEL}.revoked`]);
    expect(await revoke(TOKEN, "--yes")).toMatchObject({
      code: 0,
      err: expect.stringContaining(`${KEY.id} was already revoked at 2026-11-20T10:00:00Z.\n`),
    });
  });

  it.each([
    ["a typing error", TOKEN.replace(/....$/, "AAAA"), 3, "that is no token"],
    ["nothing", "\n", 3, "no token was given"],
    ["an unknown token", mintedKeys(2)[1]?.token.reveal() ?? "", 3, "is not in memory"],
  ])("of %s changes nothing", async (_what, stdin, code, message) => {
    const result = await revoke(stdin, "--yes");
    expect(result).toMatchObject({ code, out: "", err: expect.stringContaining(message) });
    expect(await labels()).toEqual([LABEL]);
  });

  it("takes no token as an argument, and none beside another name", async () => {
    expect(await project.run(["keys", "revoke", "--token", TOKEN, "--yes"], { store })).toMatchObject({
      code: 2,
      err: expect.stringContaining("a token is never given as an argument"),
    });
    expect(await revoke(TOKEN, "--user", "alice", "--yes")).toMatchObject({ code: 2 });
    expect(await labels()).toEqual([LABEL]);
  });

  it("asks before it does, which a pipe cannot answer", async () => {
    expect(await revoke(TOKEN)).toMatchObject({ code: 2 });
    expect(await revoke(TOKEN, "--dry-run")).toMatchObject({ code: 0, out: expect.stringContaining("would_revoke") });
    expect(await labels()).toEqual([LABEL]);
  });
});
