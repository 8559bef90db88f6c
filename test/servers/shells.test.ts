import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
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

/** Starts the shell on a terminal of its own, which zsh makes, and gives what stands on its line after the keys. */
async function typed(shell: string, setUp: readonly string[], keys: string): Promise<string> {
  const script = `zmodload zsh/zpty
    zpty inner "$1"
    zpty -w inner "$2"
    zpty -wn inner "$3"$'\\x18'
    while zpty -r inner output; do :; done
    exit 0`;
  await rm(project.path("line"), { force: true });
  await lines(["zsh", "-f"], script, "zsh", shell, setUp.join("; "), keys);
  return readFile(project.path("line"), "utf8");
}

describe.skipIf(!shellAvailable("bash") || !shellAvailable("zsh"))("bash", () => {
  const setUp = [
    "source <(mcpctl completion bash)",
    'leave() { printf %s "$READLINE_LINE" > line; exit; }',
    `bind -x '"\\C-x": leave'`,
  ];
  const complete = (line: string) => typed("bash --noprofile --norc -i", setUp, `${line}\t`);

  it.each([
    ["mcpctl rol", "mcpctl roles "],
    ["mcpctl keys  sh", "mcpctl keys  show "],
    ["mcpctl keys list --role dev-", "mcpctl keys list --role dev-readonly "],
    ["mcpctl keys list --role=dev-", "mcpctl keys list --role=dev-readonly "],
    ["mcpctl can --context=", "mcpctl can --context=arn:prod "],
    ["mcpctl context use ar", "mcpctl context use arn:prod "],
    ["mcpctl context use arn:p", "mcpctl context use arn:prod "],
    ["mcpctl keys list --user al", "mcpctl keys list --user alice@example.com "],
    ["mcpctl keys list --user alice@", "mcpctl keys list --user alice@example.com "],
    ["mcpctl keys list --user=alice@ex", "mcpctl keys list --user=alice@example.com "],
    ["mcpctl keys revoke --reason 'a b' --us", "mcpctl keys revoke --reason 'a b' --user "],
    ["mcpctl roles check ex", "mcpctl roles check extra\\ file.yaml "],
    ["mcpctl --config=mcp", "mcpctl --config=mcpctl.yaml "],
    ["mcpctl keys nope x", "mcpctl keys nope x"],
  ])("completes `%s`", async (line, expected) => {
    expect(await complete(line)).toBe(expected);
  });

  it("completes key ids from the store", async () => {
    expect(await complete("mcpctl keys revoke k_")).toBe(`mcpctl keys revoke ${id} `);
  });

  it("completes as far as the cursor, whatever stands behind it", async () => {
    const left = "\u0002".repeat(" --debug".length);
    expect(await complete(`mcpctl keys sh --debug${left}`)).toBe("mcpctl keys show --debug");
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
  const setUp = [
    "autoload -U compinit && compinit -u -D",
    "source <(mcpctl completion zsh)",
    'leave() { print -rn -- "$BUFFER" > line; exit }',
    "zle -N leave && bindkey '^X' leave",
  ];
  const complete = (line: string) => typed("zsh -f -i", setUp, `${line}\t`);

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
    expect(await complete(line)).toBe(expected);
  });

  it("completes key ids from the store", async () => {
    expect(await complete("mcpctl keys show k_")).toBe(`mcpctl keys show ${id} `);
  });

  it("takes the script from a file in fpath as well", async () => {
    const installed = [
      "mkdir -p functions; mcpctl completion zsh > functions/_mcpctl; fpath=($PWD/functions $fpath)",
      ...setUp.filter((command) => !command.startsWith("source")),
    ];
    expect(await typed("zsh -f -i", installed, "mcpctl keys sh\t")).toBe("mcpctl keys show ");
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
