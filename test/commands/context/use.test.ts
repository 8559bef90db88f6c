import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Cli } from "../../../src/commands/cli.ts";
import { registerUse } from "../../../src/commands/context/use.ts";
import { makeProject, type Project } from "../../support/run-cli.ts";

const USER = ".config/mcpctl/config.yaml";
const defining = (...names: readonly string[]): string =>
  `contexts:\n${names.map((name) => `  - { name: ${name}, store: { type: file, path: ${name}.json } }\n`).join("")}`;

let project: Project;
beforeEach(async () => {
  project = await makeProject();
});
afterEach(() => project.remove());

const put = async (path: string, content: string): Promise<void> => {
  await mkdir(join(project.cwd, path, ".."), { recursive: true });
  await writeFile(join(project.cwd, path), content);
};
const get = (path: string): Promise<string> => readFile(join(project.cwd, path), "utf8");
const use = (...argv: readonly string[]) => project.run(["context", "use", ...argv]);

it("argv becomes the name", async () => {
  const seen: string[] = [];
  const cli = { show: async () => undefined } as unknown as Cli;
  const context = new Command();
  registerUse(context, cli, async (name) => {
    seen.push(name);
    return {};
  });
  await context.parseAsync(["use", "prod"], { from: "user" });
  expect(seen).toEqual(["prod"]);
});

describe("context use", () => {
  it("replaces the name and nothing else, and tells what it was", async () => {
    await put("mcpctl.yaml", `# ours\ncurrentContext: one   # see wiki\n${defining("one", "two")}`);
    expect(await use("two")).toEqual({
      code: 0,
      out: "",
      err: "mcpctl.yaml: currentContext one -> two.\nContext two: file two.json.\n",
    });
    expect(await get("mcpctl.yaml")).toBe(`# ours\ncurrentContext: two   # see wiki\n${defining("one", "two")}`);
    expect((await project.run(["keys", "list"])).err).toBe("No keys in file two.json.\n");
  });

  it("writes nothing where the name stands already", async () => {
    await put("mcpctl.yaml", `currentContext: one\n${defining("one", "two")}`);
    const { ino } = await stat(join(project.cwd, "mcpctl.yaml"));
    expect(await use("one")).toEqual({
      code: 0,
      out: "",
      err: "mcpctl.yaml: currentContext is one already.\nContext one: file one.json.\n",
    });
    expect((await stat(join(project.cwd, "mcpctl.yaml"))).ino).toBe(ino);
  });

  it.each([
    [
      "project says what is current",
      `currentContext: p\n${defining("p")}`,
      `currentContext: u\n${defining("u", "v")}`,
      "v",
      "p",
    ],
    ["project defines it", defining("p"), `currentContext: u\n${defining("u")}`, "p", "p"],
    ["user's file alone knows it", defining("p"), `currentContext: u\n${defining("u", "v")}`, "v", "u"],
    ["user's file alone knows it, and nothing is current", defining("p"), defining("u"), "u", "u"],
  ])("chooses the file in which it takes effect: the %s", async (_what, ours, mine, name, where) => {
    await put("mcpctl.yaml", ours);
    await put(USER, mine);
    const { code } = await use(name);
    const [file, other, untouched] = where === "p" ? ["mcpctl.yaml", USER, mine] : [USER, "mcpctl.yaml", ours];
    expect({ code, said: /^currentContext: (.*)$/m.exec(await get(file))?.[1], other: await get(other) }).toEqual({
      code: 0,
      said: name,
      other: untouched,
    });
    expect(await project.run(["keys", "list"])).toMatchObject({
      code: 0,
      err: expect.stringContaining(`${name}.json`),
    });
  });

  it("warns where a shared file then names a context that is yours alone", async () => {
    await put("mcpctl.yaml", `currentContext: p\n${defining("p")}`);
    await put(USER, defining("mine"));
    expect((await use("mine")).err).toBe(
      "mcpctl.yaml: currentContext p -> mine.\n" +
        "Context mine: file .config/mcpctl/mine.json.\n" +
        `Warning: mine is defined in ${USER}; whoever has mcpctl.yaml without that file has no such context.\n`,
    );
  });

  it.each([
    [
      { MCPCTL_CONTEXT: "one" },
      [],
      "Warning: MCPCTL_CONTEXT=one beats the file: unset it, or commands go on acting in one.\n",
    ],
    [{}, ["--context", "one"], "Warning: --context one beats the file wherever it is given.\n"],
    [{ MCPCTL_CONTEXT: "two" }, [], ""],
  ])("says what beats the file: %o %o", async (env, flags, warning) => {
    await put("mcpctl.yaml", `currentContext: one\n${defining("one", "two")}`);
    expect(await project.run([...flags, "context", "use", "two"], { env })).toEqual({
      code: 0,
      out: "",
      err: `mcpctl.yaml: currentContext one -> two.\nContext two: file two.json.\n${warning}`,
    });
  });

  it("refuses an unknown name, with the one that was perhaps meant: exit 3", async () => {
    await put("mcpctl.yaml", defining("staging", "prod"));
    expect(await use("stagign")).toEqual({
      code: 3,
      out: "",
      err: 'error: there is no context "stagign"\n  Did you mean staging?\n',
    });
    expect(await get("mcpctl.yaml")).toBe(defining("staging", "prod"));
  });

  it("says how to make a context where there is none: exit 3", async () => {
    const hint =
      "\n  Put into mcpctl.yaml: contexts: [{ name: local, store: { type: file, path: .mcpctl/keys.json } }]\n";
    expect(await use("default")).toEqual({
      code: 3,
      out: "",
      err: `error: there is no mcpctl.yaml here, above, or of yours, so there is nothing to choose${hint}`,
    });
    await put("mcpctl.yaml", "keys: { maxTtl: 30d }\n");
    expect((await use("default")).err).toBe(
      `error: mcpctl.yaml defines no context, so there is nothing to choose${hint}`,
    );
  });

  it("touches no file that is invalid: exit 3", async () => {
    await put("mcpctl.yaml", `currentContext: one\n${defining("one", "two")}surprise: 1\n`);
    expect((await use("two")).code).toBe(3);
    expect(await get("mcpctl.yaml")).toContain("currentContext: one\n");
  });
});
