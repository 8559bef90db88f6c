import { execFileSync } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemError } from "./support/memory-io.ts";
import { MemoryStore } from "./support/memory-store.ts";
import { makeProject, type Project } from "./support/run-cli.ts";

let project: Project;
beforeEach(async () => {
  project = await makeProject();
});
afterEach(() => project.remove());

const VERBS = [
  "keys create",
  "keys list",
  "keys show",
  "keys rotate",
  "keys revoke",
  "roles check",
  "roles diff",
  "roles replay",
  "roles test",
  "roles list",
  "can",
  "context list",
  "context use",
  "gateway start",
  "demo",
  "completion",
  "init",
  "sync",
  "status",
  "lock init",
  "lock add",
  "lock list",
  "lock remove",
  "keys import",
  "keys prune",
  "keys scan",
  "backends import",
  "backends list",
  "verify",
  "snapshot",
];

describe("help", () => {
  it.each(["", "keys", "roles", "context", "gateway", "backends", ...VERBS])(
    "of `mcpctl %s` begins with two examples and is no error",
    async (verb) => {
      const words = verb.split(" ").filter(Boolean);
      const [dash, long] = [await project.run([...words, "-h"]), await project.run([...words, "--help"])];
      expect(dash).toEqual(long);
      expect({ code: dash.code, err: dash.err }).toEqual({ code: 0, err: "" });
      const [title, first, second, gap, usage] = dash.out.split("\n");
      expect([title, gap]).toEqual(["Examples:", ""]);
      for (const example of [first, second]) expect(example).toMatch(/^ {2}\$ (.* \| )?(mcpctl|npm run) /);
      expect(usage).toMatch(new RegExp(`^Usage: mcpctl ${verb}`));
    },
  );

  it.each(VERBS)("of `mcpctl %s` breaks its prose for 80 columns, and nowhere else", async (verb) => {
    const { out } = await project.run([...verb.split(" "), "--help"]);
    const [, description = ""] = /^Usage: .*\n\n((?:.+\n)+)/m.exec(out) ?? [];
    const words = description.trimEnd().split("\n");
    // The first word of a line would not have fitted on the one before.
    for (const [index, line] of words.slice(1).entries()) {
      const [first = ""] = line.split(" ");
      expect(`${words[index]} ${first}`.length).toBeGreaterThan(80);
    }
    const [, after = ""] = /\n(Exit codes[\s\S]*)$/.exec(out) ?? [];
    for (const line of after.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  it.each([["keys"], ["roles"], ["context"], ["gateway"], ["lock"]])("is what the bare noun %s shows", async (noun) => {
    expect(await project.run([noun])).toEqual(await project.run([noun, "--help"]));
    expect(await project.run(["help", noun])).toEqual(await project.run([noun, "--help"]));
  });

  it("and version go to standard output, and fail when that does", async () => {
    expect(await project.run(["--version"])).toEqual({ code: 0, out: "0.1.0\n", err: "" });
    for (const argv of [["--version"], ["--help"], ["keys"]]) {
      expect(await project.run(argv, { outFails: systemError("ENOSPC") })).toEqual({
        code: 5,
        out: "",
        err: "error: standard output cannot be written, the disk is full\n",
      });
    }
  });
});

describe("a line that cannot be understood", () => {
  it.each([
    [["keys", "create", "--rol", "x"], "unknown option '--rol'\n  Did you mean --role?"],
    [["keys", "show", "--outptu", "json"], "unknown option '--outptu'\n  Did you mean --output?"],
    [["can", "--outptu", "json"], "unknown option '--outptu'\n  Did you mean --output?"],
    [["keys", "lst"], "unknown command 'lst'\n  Did you mean list?"],
    [["rolse", "check"], "unknown command 'rolse'\n  Did you mean roles?"],
    [["keys", "show"], "missing required argument 'key-id'\n  See --help."],
    [["can", "dev"], "a role and a backend must be named\n  Like `mcpctl can dev-readonly eks-ro eks_get_pods`."],
    [
      ["can", "dev", "eks-ro", "--layer", "aws"],
      "--layer aws is asked for a tool\n  Name the tool after the backend, or ask --all-tools.",
    ],
    [["can", "--matrix", "--who", "x"], "--matrix and --who ask for different things\n  Choose one of them."],
    [
      ["can", "dev", "--all-tools"],
      "--all-tools lists the tools of one backend\n  Name a role and a backend, or use --matrix.",
    ],
    [
      ["can", "dev", "eks-ro", "t", "--arg", "x"],
      "option '--arg <name=value>' argument 'x' is invalid. Write it as name=value.\n  See --help.",
    ],
    [["keys", "create", "--role"], "option '--role <role>' argument missing\n  See --help."],
    [["keys", "list", "extra"], "too many arguments for 'list'. Expected 0 arguments but got 1: extra.\n  See --help."],
    [
      ["keys", "list", "-o", "xml"],
      "option '-o, --output <form>' argument 'xml' is invalid. Allowed choices are table, json, yaml, name, csv.\n  See --help.",
    ],
    [["keys", "list", "--use", "x"], "unknown option '--use'\n  Did you mean --user?"],
  ])("%o: exit 2", async (argv, message) => {
    expect(await project.run(argv)).toEqual({ code: 2, out: "", err: `error: ${message}\n` });
  });

  it("shows no control characters of its own", async () => {
    const { err } = await project.run(["keys", "\u001b[2J"]);
    expect(err).toBe("error: unknown command '\\u001b[2J'\n  See --help.\n");
  });
});

describe("errors under -o json", () => {
  it.each([[["-o", "json"]], [["-ojson"]], [["--output", "json"]], [["--output=json"]]])(
    "are JSON with %o",
    async (form) => {
      const { code, out, err } = await project.run(["keys", "show", "k_000000000000", ...form]);
      expect({ code, out, err: JSON.parse(err) as unknown }).toEqual({
        code: 3,
        out: "",
        err: {
          error: {
            kind: "not-found",
            code: "key_not_found",
            message: "no key matches k_000000000000",
            hint: "See them all with `mcpctl keys list`.",
          },
        },
      });
    },
  );

  it("are JSON for usage as well, and text with any other form", async () => {
    const usage = await project.run(["keys", "list", "--rol", "x", "-o", "json"]);
    expect(JSON.parse(usage.err)).toEqual({
      error: { kind: "usage", code: "usage", message: "unknown option '--rol'", hint: "Did you mean --role?" },
    });
    expect((await project.run(["keys", "show", "x", "-o", "yaml"])).err).toMatch(/^error: that is not a key id\n/);
  });
});

describe("a bug", () => {
  const bug = new TypeError("x is not a function");

  it("exits with 70 and its stack on standard error", async () => {
    const store = new MemoryStore();
    store.failNext("list", bug);
    const { code, out, err } = await project.run(["keys", "list"], { store });
    expect({ code, out, err: err.split("\n").slice(0, 2) }).toEqual({
      code: 70,
      out: "",
      err: ["error: this is a bug in mcpctl", "TypeError: x is not a function"],
    });
  });

  it("is told as JSON without its stack", async () => {
    const store = new MemoryStore();
    store.failNext("list", bug);
    const { code, err } = await project.run(["keys", "list", "-o", "json"], { store });
    expect({ code, err: JSON.parse(err) as unknown }).toEqual({
      code: 70,
      err: { error: { kind: "bug", code: "bug", message: "this is a bug in mcpctl", hint: null } },
    });
  });
});

describe("standard output", () => {
  it.each([
    ["EPIPE", "error: standard output was closed by the program that read it\n"],
    ["ENOSPC", "error: standard output cannot be written, the disk is full\n"],
  ])("that fails with %s fails the command: exit 5", async (code, err) => {
    const store = new MemoryStore();
    store.plant(`dev-readonly/${"a".repeat(64)}`, "dev-readonly/alice");
    expect(await project.run(["keys", "list"], { store, outFails: systemError(code) })).toEqual({
      code: 5,
      out: "",
      err,
    });
  });

  it("is not touched where there is nothing to say", async () => {
    expect((await project.run(["keys", "list"], { outFails: systemError("EPIPE") })).code).toBe(0);
  });
});

describe("colour of errors", () => {
  const red = "\u001b[31merror:\u001b[39m";
  it.each([
    ["on a terminal", {}, true],
    ["into a pipe", { errIsTerminal: false }, false],
    ["with NO_COLOR", { env: { NO_COLOR: "1" } }, false],
    ["with an empty NO_COLOR", { env: { NO_COLOR: "" } }, true],
    ["on a dumb terminal", { env: { TERM: "dumb" } }, false],
  ])("%s", async (_what, options, isRed) => {
    const { err } = await project.run(["keys", "show", "x"], { errIsTerminal: true, ...options });
    expect(err.startsWith(red)).toBe(isRed);
    expect(err.includes("\u001b")).toBe(isRed);
  });
});

const label = async (argv: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  (await project.run([...argv, "keys", "list"], { env })).err;

describe("contexts", () => {
  const two =
    "contexts:\n  - {name: one, store: {type: file, path: one/keys.json}}\n  - {name: two, store: {type: file, path: two/keys.json}}\n";

  it("are chosen by the flag, then the environment, then the file", async () => {
    await writeFile(join(project.cwd, "mcpctl.yaml"), `currentContext: one\n${two}`);
    expect(await label([])).toBe("No keys in file one/keys.json.\n");
    expect(await label([], { MCPCTL_CONTEXT: "two" })).toBe("No keys in file two/keys.json.\n");
    expect(await label(["--context", "one"], { MCPCTL_CONTEXT: "two" })).toBe("No keys in file one/keys.json.\n");
  });

  it("must be named when there are several, and known", async () => {
    await writeFile(join(project.cwd, "mcpctl.yaml"), two);
    expect(await project.run(["keys", "list"])).toEqual({
      code: 2,
      out: "",
      err: "error: no context is current, and there are several\n  Name one with --context: one, two.\n",
    });
    expect(await project.run(["--context", "tow", "keys", "list"])).toEqual({
      code: 3,
      out: "",
      err: 'error: there is no context "tow"\n  Did you mean two?\n',
    });
  });

  it("of one name are refused", async () => {
    await writeFile(join(project.cwd, "mcpctl.yaml"), two.replace("two", "one"));
    const { code, err } = await project.run(["keys", "list"]);
    expect({ code, told: err.includes('the context "one" stands twice in ') }).toEqual({ code: 3, told: true });
  });

  it("take paths relative to the file, not to where one stands", async () => {
    await writeFile(join(project.cwd, "mcpctl.yaml"), `currentContext: one\n${two}`);
    await mkdir(join(project.cwd, "deep/down"), { recursive: true });
    const { err } = await project.run(["keys", "list"], { cwd: join(project.cwd, "deep/down") });
    expect(err).toBe(`No keys in file ${join(project.cwd, "one/keys.json")}.\n`);
  });

  it("lie in no file that is a link to itself: exit 3", async () => {
    await symlink("mcpctl.yaml", join(project.cwd, "mcpctl.yaml"));
    expect(await project.run(["keys", "list"])).toEqual({
      code: 3,
      out: "",
      err: `error: the configuration ${join(project.cwd, "mcpctl.yaml")} is a symbolic link that leads nowhere\n  Mend the link.\n`,
    });
  });

  it("come from --config before anything else", async () => {
    await writeFile(join(project.cwd, "mcpctl.yaml"), `currentContext: one\n${two}`);
    await writeFile(
      join(project.cwd, "other.yaml"),
      "contexts:\n  - {name: three, store: {type: file, path: three.json}}\n",
    );
    expect(await label(["--config", "other.yaml"])).toBe("No keys in file three.json.\n");
    expect(await label([], { MCPCTL_CONFIG: "other.yaml" })).toBe("No keys in file three.json.\n");
    expect((await project.run(["--config", "none.yaml", "keys", "list"])).code).toBe(3);
  });
});

describe("a pipe where a file belongs", () => {
  it.each([
    [["roles", "check", "--backends", "pipe"], "the backend registry"],
    [["roles", "check", "pipe"], "the role file"],
    [["--config", "pipe", "keys", "list"], "the configuration"],
  ])("%o is refused and not waited for: exit 3", { timeout: 5000 }, async (argv, what) => {
    const path = join(project.cwd, "pipe");
    execFileSync("mkfifo", [path]);
    expect(await project.run(argv)).toEqual({
      code: 3,
      out: "",
      err: `error: ${what} ${path} is not a regular file\n  Name a file; a pipe or a device is not read.\n`,
    });
  });
});
