import { Option, type Command } from "commander";
import { AppError } from "../../lib/errors.ts";
import { loadRegistry, requireUsable } from "../../lib/files/load-policy.ts";
import { replaceUnchanged } from "../../lib/files/replace-unchanged.ts";
import type { ImportPlan } from "../../lib/flow/mcp/plan-import.ts";
import type { Backend } from "../../lib/policy/registry.ts";
import { changeRegistry } from "../../lib/flow/mcp/change-registry.ts";
import type { Format } from "../../lib/output/view.ts";
import { MAX_POLICY_BYTES } from "../../lib/policy/source.ts";
import { withExamples, type Cli } from "../cli.ts";
import { policyFiles } from "../policy-files.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { CATALOGUE_NAMES } from "./catalogues.ts";
import { readImportSource } from "./import-source.ts";
import { importResult, planLines, type Import } from "./import-view.ts";

export interface ImportOptions {
  /** A backend, a URL or a file. */
  readonly source: string;
  readonly backend?: string;
  readonly catalogue?: string;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly replaceEdited?: true;
}

export function registerImport(backends: Command, cli: Cli, run = importTools): void {
  const command = backends
    .command("import")
    .summary("take over what a server says of its tools")
    .description(
      "Ask an MCP server for its tools, and write into the registry what it says of them: whether they write, and at most " +
        "which requests to Kubernetes they make, where it tells. What people wrote there stays. With --catalogue, add what a known server's tools need exactly, as far as " +
        "the registry does not say so.",
    )
    .argument("<server>", "a backend of the registry, a URL, or a file with a tools/list result")
    .option("--backend <backend>", "whose tools they are, where a URL or a file is given")
    .option("--catalogue <catalogue>", `add the needs of ${CATALOGUE_NAMES.join(", ")}`)
    .option("--replace-edited", "write over declarations that were edited by hand as well")
    .option("--dry-run", "show what would change, write nothing")
    .option("-y, --yes", "do not ask")
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["text", "json", "yaml", "name"]))
    .action(async (source: string, { output, ...options }: Omit<ImportOptions, "source"> & { output?: Format }) =>
      cli.show(await run({ ...options, source }, cli.ports), output ?? null),
    )
    .addHelpText(
      "after",
      "\nA file named like a backend: ./name. A server that wants a bearer token gets the\none in MCPCTL_MCP_TOKEN." +
        "\nExit codes: 0 done, or nothing to do; 2 declined or not asked; 3 unknown name,\nor a registry that cannot be edited; 4 not authorised by the server; 5 it does\nnot answer as it should.",
    );
  withExamples(
    command,
    "mcpctl backends import eks-ro --dry-run",
    "mcpctl backends import tools.json --backend eks-ro",
  );
}

export async function importTools(
  options: ImportOptions,
  ports: Pick<Ports, "confirm" | "cwd" | "label" | "listTools" | "projectConfig">,
): Promise<Result> {
  const { backends: file } = policyFiles(await ports.projectConfig(), {}, ports);
  const { registry, findings, source } = loadRegistry(file);
  requireUsable(findings);
  const read = await readImportSource(options, { registry, text: source.text, label: file.label }, ports);
  const done: Import = { ...read, file: file.label, isWritten: false };
  if (read.plan.edits.size === 0) return importResult(done, options.dryRun === true);
  requireRoom(registry.get(read.backend), read.plan, file.label);
  const after = changeRegistry(
    { text: source.text, registry },
    read.backend,
    read.plan.edits,
    options.replaceEdited === true,
  );
  if (after === null) throw notEditable(read.backend, file.label);
  if (options.dryRun === true) return importResult(done, true);
  if (options.yes !== true) await ports.confirm(planLines(done), `Write this to ${file.label}?`);
  await replaceUnchanged({ ...file, before: source.text, after, maxBytes: MAX_POLICY_BYTES });
  return importResult({ ...done, isWritten: true }, false);
}

/** As many as the registry takes of one backend. */
const MAX_TOOLS = 10_000;

function requireRoom(backend: Backend | undefined, { changes }: ImportPlan, label: string): void {
  const count = Object.keys(backend?.tools ?? {}).length + changes.filter(({ kind }) => kind === "added").length;
  if (count <= MAX_TOOLS) return;
  throw new AppError(
    "invalid",
    "too_many_tools",
    `${label} would name ${count} tools of ${backend?.name ?? "one backend"}`,
    {
      hint: `It takes ${MAX_TOOLS} of one; take out those that are gone.`,
    },
  );
}

function notEditable(backend: string, label: string): AppError {
  return new AppError(
    "invalid",
    "registry_not_editable",
    `the tools of ${backend} in ${label} cannot be changed without touching more`,
    { hint: "Write that backend with a line for each field, without aliases, and comments on lines of their own." },
  );
}
