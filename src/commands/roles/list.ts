import { Option, type Command } from "commander";
import { AppError } from "../../lib/errors.ts";
import { loadPolicy } from "../../lib/files/load-policy.ts";
import type { Format } from "../../lib/output/view.ts";
import type { Policy } from "../../lib/policy/decide.ts";
import { matrixOf, type MatrixFilter } from "../../lib/policy/matrix.ts";
import { withExamples, type Cli } from "../cli.ts";
import { policyFiles } from "../policy-files.ts";
import type { Ports } from "../ports.ts";
import { requireKnown } from "../require-known.ts";
import type { Result } from "../result.ts";
import { listResult } from "./list-view.ts";

const FORMS = ["table", "json", "yaml", "name", "csv", "mermaid", "dot", "svg"] as const satisfies readonly Format[];
export type ListForm = (typeof FORMS)[number];

export interface ListOptions {
  readonly role?: readonly string[];
  readonly backend?: readonly string[];
  readonly env?: readonly string[];
  readonly write?: true;
  readonly output: ListForm;
}

export function registerList(roles: Command, cli: Cli, run = listRoles): void {
  const command = roles
    .command("list")
    .summary("show who reaches what")
    .description(
      "Show which role reaches which backend. A table is made to fit the terminal; elsewhere each grant is a line. " +
        "Needs no cluster, no AWS, no network.",
    )
    .option("--role <role>", "only this role; repeatable", add)
    .option("--backend <backend>", "only this backend: who reaches it? Repeatable", add)
    .option("--env <environment>", "only backends of this environment; repeatable", add)
    .option("--write", "only grants that may change something")
    .addOption(new Option("-o, --output <form>", "form of the output").choices(FORMS).default("table"))
    .action(async (options: ListOptions) => cli.show(await run(options, cli.ports), options.output))
    .addHelpText(
      "after",
      "\nCells: ro reads, rw writes; * some tools only, ! production.\nExit codes: 0 shown, also where nobody reaches it; 3 unknown name or unusable\nfile.",
    );
  withExamples(command, "mcpctl roles list", "mcpctl roles list --backend eks-rw -o name");
}

function add(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

export async function listRoles(
  options: ListOptions,
  ports: Pick<Ports, "columns" | "cwd" | "label" | "projectConfig" | "stdoutIsTerminal">,
): Promise<Result> {
  const files = policyFiles(await ports.projectConfig(), {}, ports);
  const policy = loadPolicy(files);
  const filter: MatrixFilter = {
    roles: options.role ?? [],
    backends: options.backend ?? [],
    environments: options.env ?? [],
    isWriteOnly: options.write === true,
  };
  for (const role of filter.roles) requireKnown("role", role, policy.roles, files.roles.label);
  for (const backend of filter.backends) requireKnown("backend", backend, policy.registry, files.backends.label);
  for (const environment of filter.environments) requireEnvironment(environment, policy, files.backends.label);
  return listResult(matrixOf(policy, filter), filter, options.output, ports);
}

function requireEnvironment(environment: string, { registry }: Policy, label: string): void {
  const known = new Set([...registry.values()].map((backend) => backend.environment));
  if (known.has(environment)) return;
  throw new AppError(
    "not-found",
    "environment_not_found",
    `no backend of ${label} is in "${environment.slice(0, 80)}"`,
    {
      hint: `There are: ${[...known].slice(0, 20).join(", ") || "none"}.`,
    },
  );
}
