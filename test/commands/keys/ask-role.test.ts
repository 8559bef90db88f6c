import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeProject, mintedKeys, type Project } from "../../support/run-cli.ts";

const [KEY] = mintedKeys(1);
const token = KEY!.token.reveal();

let project: Project;
beforeEach(async () => {
  project = await makeProject();
  await put("roles.yaml", "roleMapping:\n  ops: [eks-rw, aws-rw, aws-ro]\n  dev: [eks-ro]\n");
});
afterEach(() => project.remove());

const put = (name: string, content: string): Promise<void> => writeFile(join(project.cwd, name), content);
const create = (answers: readonly string[] | null, ...argv: readonly string[]) =>
  project.run(["keys", "create", "-o", "token", ...argv], { answers });
const stored = async (): Promise<readonly unknown[]> =>
  Object.values(JSON.parse(await readFile(join(project.cwd, ".mcpctl/keys.json"), "utf8")) as object);

describe("keys create on a terminal", () => {
  it("asks for the role, shown with what each grants, and for the user; the token alone is on standard output", async () => {
    const { code, out, err } = await create(["2", "Alice", "alice"]);
    expect({ code, out, err: err.split("\n").slice(0, 5) }).toEqual({
      code: 0,
      out: `${token}\n`,
      err: [
        "Roles of roles.yaml, and what each grants:",
        "   1  ops  3 backends (2 prod, 2 write): eks-rw [write], aws-rw [prod, write], aws-ro [prod]",
        "   2  dev  1 backend (0 prod, 0 write): eks-ro",
        "A user is 1 to 63 of a-z 0-9 . _ @ -, beginning with a letter or digit.",
        `Created ${KEY!.id} for alice in role dev; it expires 2027-02-18T10:00:00Z.`,
      ],
    });
    expect(await stored()).toEqual(["dev/alice?exp=2027-02-18T10:00:00Z"]);
  });

  it("asks only for what is missing", async () => {
    expect((await create(["bob"], "--role", "dev")).err).toMatch(/^Created k_\w+ for bob in role dev;/);
    expect((await create(["dev"], "--user", "bob")).err).toContain("for bob in role dev;");
  });

  it("marks narrowed grants and unknown backends, and names eight at most", async () => {
    const backends = Array.from({ length: 9 }, (_, index) => `b${index}`).join(", ");
    await put(
      "roles.yaml",
      `roleMapping:\n  few: [{backend: eks-ro, tools: {allow: [x]}}, ghost]\n  none: []\n  all: [${backends}]\n`,
    );
    expect((await create(["\u0004"])).err.split("\n").slice(1, 4)).toEqual([
      "   1  few   2 backends (0 prod, 0 write): eks-ro [some tools], ghost [unknown]",
      "   2  none  nothing",
      `   3  all   9 backends (0 prod, 0 write): ${Array.from({ length: 8 }, (_, index) => `b${index} [unknown]`).join(", ")} and 1 more`,
    ]);
  });

  it("marks nothing where the registry cannot be read", async () => {
    await put("backends.yaml", "backends: [\n");
    const [title, ops] = (await create(["\u0004"])).err.split("\n");
    expect(title).toMatch(
      /^Roles of roles\.yaml, and what each grants \(prod and write are not marked: backends\.yaml:/,
    );
    expect(ops).toBe("   1  ops  3 backends: eks-rw, aws-rw, aws-ro");
  });

  it("is left by Ctrl-D, and nothing is made: exit 2", async () => {
    const { code, out, err } = await create(["\u0004"]);
    expect({ code, out, err: err.split("\n").slice(3) }).toEqual({
      code: 2,
      out: "",
      err: ["error: declined; nothing was changed", ""],
    });
    await expect(stored()).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("shows no token that was pasted in the wrong place", async () => {
    const { err } = await create([token, "\u0004"]);
    expect(err).not.toContain(token.slice(0, 20));
  });

  it.each([
    [
      "a role",
      ["--role", "DEV"],
      "--role is not a role name\n  A role is 1 to 63 of a-z 0-9 . _ -, beginning with a letter or digit.",
    ],
    [
      "a user",
      ["--user", "ALICE"],
      "--user is not a user name\n  A user is 1 to 63 of a-z 0-9 . _ @ -, beginning with a letter or digit.",
    ],
  ])("refuses %s that is wrong before it asks for the other: exit 3", async (_what, argv, message) => {
    expect(await create([], ...argv)).toEqual({ code: 3, out: "", err: `error: ${message}\n` });
  });

  it("asks nothing where the role file cannot be used, or holds no role: exit 3", async () => {
    await put("roles.yaml", "roleMapping: [\n");
    expect((await create([])).code).toBe(3);
    await put("roles.yaml", "roleMapping: {}\n");
    expect(await create([])).toEqual({
      code: 3,
      out: "",
      err: "error: roles.yaml holds no role to choose from\n  Add one; `mcpctl roles check` looks the file over.\n",
    });
  });
});

describe("keys create off a terminal", () => {
  it.each([
    [[], "--role and --user must be given"],
    [["--role", "dev"], "--user must be given"],
    [["--user", "bob"], "--role must be given"],
  ])("asks nothing for %o: exit 2", async (argv, message) => {
    expect(await create(null, ...argv)).toEqual({
      code: 2,
      out: "",
      err: `error: ${message}\n  For example: mcpctl keys create --role dev-readonly --user incident-agent-01\n`,
    });
  });
});
