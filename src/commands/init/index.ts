import { Option, type Command } from "commander";
import { AppError } from "../../lib/errors.ts";
import type { Format } from "../../lib/output/view.ts";
import { withExamples, type Cli } from "../cli.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { checkProject } from "./check.ts";
import type { ProjectFlags } from "./read-project.ts";
import { writeProject } from "./write-project.ts";

export interface InitOptions extends ProjectFlags {
  readonly dir: string;
  readonly force?: boolean;
  readonly check?: boolean;
  readonly output?: Format;
}

export function registerInit(program: Command, cli: Cli, run = init): void {
  const command = program
    .command("init")
    .summary("write a project: configuration, roles, and all that a cluster needs")
    .description(
      "Write mcpctl.yaml, roles.yaml and backends.yaml, and for gateways in a cluster the manifests under deploy/ with the " +
        "least rights for each part. What no flag says is asked for on a terminal. A file that is there is left as it is.",
    )
    .option("--dir <folder>", "the project's folder", ".")
    .option("--store <store>", "where keys are kept: ssm or file (default: ssm)")
    .option("--name <name>", "of the gateway and of the context (default: mcp-gateway)")
    .option("--path <path>", "of the parameters, or the file of the keys (default: /mcp-gateway/keys)")
    .option("--region <region>", "AWS region of the parameters")
    .option("--account <account>", "AWS account of the parameters")
    .option("--kms-key <key>", "KMS key of the parameters: id, alias or ARN")
    .option("--namespace <namespace>", "of the gateway (default: mcp-gateway)")
    .option("--servers-namespace <namespace>", "of the MCP servers, and of nothing else (default: mcp-servers)")
    .option("--kube-context <kube-context>", "context of the kubeconfig that leads to the cluster")
    .option("--cluster <uid>", "UID of its namespace kube-system (default: the cluster is asked)")
    .option("--iam-role-arn <arn>", "IAM role that External Secrets reads the parameters with")
    .option("--image <image>", "image with mcpctl in its PATH, best by digest")
    .option("--url <url>", "at which agents reach the gateway (default: its Service)")
    .option("--oncall-group <group>", "of the cluster's users who sync and break glass (default: NAME-oncall)")
    .option("--api-server-cidr <range...>", "addresses from which the API server connects to pods")
    .option("--force", "replace files that are there")
    .option("--check", "write nothing: compare the cluster with the project's manifests")
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["text", "json", "yaml"]))
    .action(async (options: InitOptions) => cli.show(await run(options, cli.ports), options.output ?? null))
    .addHelpText(
      "after",
      "\nExit codes of --check: 0 as written, 1 differences, 7 some objects could\nnot be read and the others are as written.",
    );
  withExamples(command, "mcpctl init", "mcpctl init --check");
}

export async function init(options: InitOptions, ports: Ports): Promise<Result> {
  const { dir, force = false, check = false, output: _, ...flags } = options;
  if (!check) return writeProject({ dir, isForced: force, flags }, ports);
  const [stray] = [...Object.keys(flags), ...(force ? ["force"] : [])];
  if (stray === undefined) return checkProject(dir, ports);
  throw new AppError("usage", "option_stray", "--check takes --dir and -o alone", {
    hint: "It compares the cluster with the project's files as they are.",
  });
}
