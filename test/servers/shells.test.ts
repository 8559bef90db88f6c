import { mkdir, readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LAUNCHER, LaunchedProject } from "../support/launcher.ts";
import { shellAvailable } from "../support/shells.ts";

/** What real shells make of the scripts in shell/ and of what mcpctl offers them. */
let project: LaunchedProject;
let id: string;

beforeAll(async () => {
  project = await LaunchedProject.create();
  await mkdir(project.path("bin"));
  const wrapper = `#!/bin/sh\nexec '${process.execPath}' '${LAUNCHER}' "$@"\n`;
  await writeFile(project.path("bin/mcpctl"), wrapper, { mode: 0o755 });
  await writeFile(project.path("extra file.yaml"), "");
  const store = "{ type: file, path: keys.json }";
  await writeFile(project.path("mcpctl.yaml"), `contexts:\n  - { name: "arn:prod", store: ${store} }\n`);
  const argv = ["keys", "create", "--role", "dev-readonly", "--user", "alice@example.com", "--out", "token"];
  await project.mcpctl(...argv);
  id = (await project.mcpctl("keys", "list", "-o", "name")).out.trim();
});

afterAll(() => project.remove());

/** Runs a script of the shell with mcpctl on its path, and gives its lines. */
async function lines(shell: readonly string[], script: string, ...args: readonly string[]): Promise<readonly string[]> {
  const [command = "", ...flags] = shell;
  const path = command === "fish" ? "set -gx PATH $PWD/bin $PATH\n" : 'PATH="$PWD/bin:$PATH"\n';
  const { out, err } = await project.run(command, [...flags, "-c", path + script, ...args]);
  expect(err).toBe("");
  return out.split("\n").filter(Boolean);
}

describe.skipIf(!shellAvailable("bash"))("bash", () => {
  /** The words are cut as readline cuts them; the last one is under the cursor. */
  const complete = (line: string, ...words: readonly string[]) =>
    lines(
      ["bash", "--noprofile", "--norc"],
      `source <(mcpctl completion bash)
      compopt() { echo "compopt $*"; }
      COMP_LINE="$1" COMP_POINT=\${#1}; shift
      COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
      _mcpctl && [ "\${#COMPREPLY[@]}" = 0 ] || printf '%s\\n' "\${COMPREPLY[@]}"`,
      "bash",
      line,
      ...words,
    );

  it.each([
    ["a noun", "mcpctl rol", ["mcpctl", "rol"], ["roles"]],
    ["a verb", "mcpctl keys  sh", ["mcpctl", "keys", "sh"], ["show"]],
    [
      "the value of a flag",
      "mcpctl keys list --role dev-",
      ["mcpctl", "keys", "list", "--role", "dev-"],
      ["dev-readonly"],
    ],
    [
      "it behind =",
      "mcpctl keys list --role=dev-",
      ["mcpctl", "keys", "list", "--role", "=", "dev-"],
      ["dev-readonly"],
    ],
    ["it right behind =", "mcpctl can --context=", ["mcpctl", "can", "--context", "="], ["arn:prod"]],
    [
      "a name with @",
      "mcpctl keys list --user alice@ex",
      ["mcpctl", "keys", "list", "--user", "alice", "@", "ex"],
      ["example.com"],
    ],
    ["a name with :", "mcpctl context use arn:p", ["mcpctl", "context", "use", "arn", ":", "p"], ["prod"]],
    [
      "what follows quotes",
      "mcpctl keys revoke --reason 'a b' --us",
      ["mcpctl", "keys", "revoke", "--reason", "'a b'", "--us"],
      ["--user"],
    ],
    ["the name of a file", "mcpctl roles check ex", ["mcpctl", "roles", "check", "ex"], ["compopt -o default"]],
    ["nothing", "mcpctl keys nope x", ["mcpctl", "keys", "nope", "x"], []],
  ])("completes %s", async (_what, line, words, expected) => {
    expect(await complete(line, ...words)).toEqual(expected);
  });

  it("completes key ids from the store", async () => {
    expect(await complete("mcpctl keys revoke ", "mcpctl", "keys", "revoke", "")).toEqual([id]);
  });

  it("completes as far as the cursor, whatever stands behind it", async () => {
    const script = `source <(mcpctl completion bash)
      COMP_LINE="mcpctl keys shxx --debug" COMP_POINT=14 COMP_WORDS=(mcpctl keys shxx --debug) COMP_CWORD=2
      _mcpctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
    expect(await lines(["bash", "--noprofile", "--norc"], script)).toEqual(["show"]);
  });
});

describe.skipIf(!shellAvailable("fish"))("fish", () => {
  const complete = (line: string) =>
    lines(["fish", "--no-config"], "mcpctl completion fish | source\ncomplete -C $argv[1]", line);

  it.each([
    ["mcpctl keys sh", ["show\tshow one key and its history"]],
    ["mcpctl keys list --role=dev-", ["--role=dev-readonly\t11 backends"]],
    ["mcpctl keys list --user al", ["alice@example.com\t1 key"]],
    ["mcpctl context use arn:", ["arn:prod\tfile keys.json"]],
    ["mcpctl keys revoke --reason 'a b' --us", ["--user\tevery key of this user"]],
    ["mcpctl roles check ex", ["extra file.yaml"]],
    ["mcpctl --config=mcp", ["--config=mcpctl.yaml"]],
    ["mcpctl keys nope ", []],
  ])("completes `%s`", async (line, expected) => {
    expect(await complete(line)).toEqual(expected);
  });

  it("completes key ids from the store, with whose they are", async () => {
    expect(await complete("mcpctl keys show k_")).toEqual([`${id}\talice@example.com in dev-readonly, active`]);
  });
});

describe.skipIf(!shellAvailable("zsh"))("zsh", () => {
  /** A shell on a terminal of its own: what stands on its line after a Tab. */
  const typed = async (line: string): Promise<string> => {
    const setUp = [
      "autoload -U compinit && compinit -u -D",
      "source <(mcpctl completion zsh)",
      'leave() { print -rn -- "$BUFFER" > line; exit }',
      "zle -N leave && bindkey '^X' leave",
    ].join("; ");
    const script = `zmodload zsh/zpty
      zpty inner zsh -f -i
      zpty -w inner "$1"
      zpty -wn inner "$2"$'\\t\\x18'
      while zpty -r inner output; do :; done
      exit 0`;
    await lines(["zsh", "-f"], script, "zsh", setUp, line);
    return readFile(project.path("line"), "utf8");
  };

  it.each([
    ["mcpctl keys sh", "mcpctl keys show "],
    ["mcpctl keys list --role=dev-", "mcpctl keys list --role=dev-readonly "],
    ["mcpctl keys list --user al", "mcpctl keys list --user alice@example.com "],
    ["mcpctl context use arn:p", "mcpctl context use arn:prod "],
    ["mcpctl keys revoke --reason 'a b' --us", "mcpctl keys revoke --reason 'a b' --user "],
    ["mcpctl roles check ex", "mcpctl roles check extra\\ file.yaml "],
    ["mcpctl --config=mcp", "mcpctl --config=mcpctl.yaml "],
    ["mcpctl keys nope x", "mcpctl keys nope x"],
  ])("completes `%s`", async (line, expected) => {
    expect(await typed(line)).toBe(expected);
  });

  it("completes key ids from the store", async () => {
    expect(await typed("mcpctl keys show k_")).toBe(`mcpctl keys show ${id} `);
  });

  it("is told what each candidate is", async () => {
    const script = `compdef() { : }
      source <(mcpctl completion zsh)
      _describe() { print -rl -- "\${(@P)4}" }
      words=(mcpctl keys list --user "") CURRENT=5 PREFIX=
      _mcpctl
      words=(mcpctl context use "") CURRENT=4
      _mcpctl`;
    expect(await lines(["zsh", "-f"], script)).toEqual(["alice@example.com:1 key", "arn\\:prod:file keys.json"]);
  });
});
