import { chmod, mkdtemp, lstat, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { setCurrentContext } from "../../../src/lib/config/set-current-context.ts";

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcpctl-use-"));
  file = join(folder, "mcpctl.yaml");
});
afterEach(() => rm(folder, { recursive: true }));

const STORE = "store: {type: file, path: k.json}";
const CONTEXTS = `contexts:\n  - {name: a, ${STORE}}\n`;
const set = async (text: string, name = "b"): Promise<string> => {
  await writeFile(file, text);
  await setCurrentContext(file, name);
  return readFile(file, "utf8");
};

describe("setCurrentContext", () => {
  it.each([
    ["a plain name", "currentContext: a # why\n", "currentContext: b # why\n"],
    ["double quotes", 'currentContext: "a"\n', 'currentContext: "b"\n'],
    ["single quotes", "currentContext:   'a'\n", "currentContext:   'b'\n"],
    ["CRLF", "keys: {}\r\ncurrentContext: a\r\n", "keys: {}\r\ncurrentContext: b\r\n"],
    ["a byte order mark", "\ufeffcurrentContext: a\n", "\ufeffcurrentContext: b\n"],
    ["a marker before it", "--- # x\ncurrentContext: a\n...\n", "--- # x\ncurrentContext: b\n...\n"],
    ["no line end", "currentContext: a", "currentContext: b"],
    ["letters beyond ASCII before it", "# Schlüssel 🔑\ncurrentContext: a\n", "# Schlüssel 🔑\ncurrentContext: b\n"],
    ["one line for all", "{currentContext: a, keys: {}}\n", "{currentContext: b, keys: {}}\n"],
    ["a name on its own line", "currentContext:\n  a\n", "currentContext:\n  b\n"],
  ])("replaces the name and nothing else: %s", async (_what, before, after) => {
    expect(await set(before)).toBe(after);
  });

  it.each([
    ["after the rest", `# ours\n${CONTEXTS}`, `# ours\n${CONTEXTS}currentContext: b\n`],
    ["below comments that begin a line", `${CONTEXTS}# - {name: c}\n`, `${CONTEXTS}# - {name: c}\ncurrentContext: b\n`],
    ["below comments", `${CONTEXTS}  # - {name: c}\n\n`, `${CONTEXTS}  # - {name: c}\n\ncurrentContext: b\n`],
    ["in its column", "  keys: {}\n", "  keys: {}\n  currentContext: b\n"],
    ["with the file's line ends", "keys: {}\r\n", "keys: {}\r\ncurrentContext: b\r\n"],
    ["after a line without an end", "keys: {}", "keys: {}\ncurrentContext: b\n"],
    ["below a byte order mark", "\ufeffkeys: {}\n", "\ufeffkeys: {}\ncurrentContext: b\n"],
    ["before the document's end", "keys: {}\n...\n", "keys: {}\ncurrentContext: b\n...\n"],
    ["within braces", "{keys: {}}\n", "{currentContext: b, keys: {}}\n"],
  ])("adds the field where it was not: %s", async (_what, before, after) => {
    expect(await set(before)).toBe(after);
  });

  it.each(["on", "12", "1.5", "2026-11-20", "0x1F"])("quotes the name %s, which is no text without", async (name) => {
    expect(await set("currentContext: a\n", name)).toBe(`currentContext: "${name}"\n`);
    expect(await set("currentContext: 'a'\n", name)).toBe(`currentContext: '${name}'\n`);
  });

  it("leaves a file alone where another value would change with the name", async () => {
    const text = `currentContext: &c a\ncontexts:\n  - {name: *c , ${STORE}}\n`;
    await expect(set(text)).rejects.toMatchObject({
      kind: "invalid",
      code: "config_not_editable",
      message: `currentContext in ${file} cannot be changed without touching more`,
      hint: "Write `currentContext: b` there yourself.",
    });
    expect(await readFile(file, "utf8")).toBe(text);
  });

  it.each([
    ["is no configuration", "surprise: 1\n", "config_unreadable"],
    ["cannot be parsed", "contexts: [\n", "config_unreadable"],
    ["is not UTF-8", Uint8Array.of(0xff), "config_unreadable"],
    ["is a pile of documents", "keys: {}\n---\nkeys: {}\n", "config_unreadable"],
  ])("leaves a file alone that %s", async (_what, content, code) => {
    await writeFile(file, content);
    await expect(setCurrentContext(file, "b")).rejects.toMatchObject({ kind: "invalid", code });
    expect(await readFile(file)).toEqual(Buffer.from(content));
  });

  it("follows a link, keeps the mode, and leaves nothing beside the file", async () => {
    await writeFile(join(folder, "real.yaml"), "currentContext: a\n");
    await chmod(join(folder, "real.yaml"), 0o640);
    await symlink("real.yaml", file);
    expect(await setCurrentContext(file, "b")).toBe("a");
    expect(await readFile(join(folder, "real.yaml"), "utf8")).toBe("currentContext: b\n");
    expect((await lstat(file)).isSymbolicLink()).toBe(true);
    expect((await stat(file)).mode & 0o777).toBe(0o640);
    expect((await readdir(folder)).toSorted()).toEqual(["mcpctl.yaml", "real.yaml"]);
  });

  it("says that nothing was current before", async () => {
    await writeFile(file, CONTEXTS);
    expect(await setCurrentContext(file, "b")).toBe(null);
  });
});
