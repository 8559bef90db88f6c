import { Option, type Command } from "commander";
import { loadRegistry, requireUsable } from "../../lib/files/load-policy.ts";
import { countTools, type ToolCounts } from "../../lib/flow/mcp/count-tools.ts";
import type { Format } from "../../lib/output/view.ts";
import type { Backend } from "../../lib/policy/registry.ts";
import { withExamples, type Cli } from "../cli.ts";
import { policyFiles } from "../policy-files.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";

const FORMS = ["table", "json", "yaml", "name", "csv"] as const satisfies readonly Format[];

export interface ListOptions {
  readonly service?: readonly string[];
  readonly environment?: readonly string[];
  readonly access?: Backend["access"];
}

export function registerList(backends: Command, cli: Cli, run = listBackends): void {
  const command = backends
    .command("list")
    .summary("show the registry")
    .description(
      "Show the backends of the registry, and of how many of their tools it says what they need: exactly, at most (as the " +
        "server declares), or not. Needs no cluster, no AWS, no network.",
    )
    .option("--service <service>", "only this service; repeatable", add)
    .option("--environment <environment>", "only this environment; repeatable", add)
    .addOption(new Option("--access <access>", "only this access").choices(["ro", "rw"]))
    .addOption(new Option("-o, --output <form>", "form of the output").choices(FORMS).default("table"))
    .action(async ({ output, ...options }: ListOptions & { output: Format }) =>
      cli.show(await run(options, cli.ports), output),
    )
    .addHelpText("after", "\nExit codes: 0 shown, also where there is none; 3 unusable registry.");
  withExamples(command, "mcpctl backends list", "mcpctl backends list --environment prod --access rw -o name");
}

function add(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

export async function listBackends(
  options: ListOptions,
  ports: Pick<Ports, "cwd" | "label" | "projectConfig">,
): Promise<Result> {
  const { backends: file } = policyFiles(await ports.projectConfig(), {}, ports);
  const { registry, findings } = loadRegistry(file);
  requireUsable(findings);
  const shown = [...registry.values()].filter((backend) => isWanted(backend, options));
  return {
    view: {
      data: shown.map(backendData),
      table: { columns: COLUMNS, rows: shown.map(rowOf) },
      names: shown.map(({ name }) => name),
    },
    ...(shown.length === 0 ? { notes: [`No backend of ${file.label} is so.`] } : {}),
  };
}

function isWanted({ service, environment, access }: Backend, options: ListOptions): boolean {
  const fits = (wanted: readonly string[] | undefined, value: string): boolean => wanted?.includes(value) ?? true;
  return (
    fits(options.service, service) &&
    fits(options.environment, environment) &&
    (options.access === undefined || options.access === access)
  );
}

const COLUMNS = ["BACKEND", "SERVICE", "ENV", "ACCESS", "OWNER", "TOOLS", "SERVICEACCOUNT"];

function rowOf(backend: Backend): readonly string[] {
  const { name, service, environment, access, owner, serviceAccount } = backend;
  return [name, service, environment, access, owner, toolWords(countTools(backend)), serviceAccount ?? ""];
}

/** `20: 4 exact, 15 at most, 1 unknown`. */
function toolWords({ known, exact, declared, unknown }: ToolCounts): string {
  if (known === 0) return "none known";
  const parts = [
    [exact, "exact"],
    [declared, "at most"],
    [unknown, "unknown"],
  ] as const;
  const told = parts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  return `${known}: ${told.join(", ")}`;
}

function backendData(backend: Backend): object {
  const { name, service, environment, access, owner, url, path, serviceAccount, iamRole, place } = backend;
  return {
    name,
    service,
    environment,
    access,
    owner,
    url,
    path,
    service_account: serviceAccount ?? null,
    iam_role: iamRole ?? null,
    tools: countTools(backend),
    place,
  };
}
