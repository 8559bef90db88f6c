import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Argument, type Command } from "commander";
import { PACKAGE_ROOT } from "../package-root.ts";
import { withExamples, type Cli } from "./cli.ts";
import type { Result } from "./result.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

export function registerCompletion(program: Command, cli: Cli, run = completion): void {
  const command = program
    .command("completion")
    .summary("completion for bash, zsh and fish")
    .description("Print the script that makes a shell complete commands, flags, roles, users, key ids and contexts.")
    .addArgument(new Argument("<shell>", "the shell it is for").choices(SHELLS))
    .action(async (shell: Shell) => cli.show(await run(shell), null))
    .addHelpText(
      "after",
      "\nInstall it for good:\n" +
        "  bash  echo 'source <(mcpctl completion bash)' >> ~/.bashrc\n" +
        '  zsh   mcpctl completion zsh > "${fpath[1]}/_mcpctl"   (and `compinit` in ~/.zshrc)\n' +
        "  fish  mcpctl completion fish > ~/.config/fish/completions/mcpctl.fish",
    );
  withExamples(
    command,
    "mcpctl completion bash > ~/.local/share/bash-completion/completions/mcpctl",
    "mcpctl completion fish | source",
  );
}

export async function completion(shell: Shell): Promise<Result> {
  const script = await readFile(join(PACKAGE_ROOT, "shell", `mcpctl.${shell}`), "utf8");
  return { view: { data: script, text: () => script } };
}
