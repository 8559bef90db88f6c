import { resolve } from "node:path";
import { AppError } from "../../lib/errors.ts";
import { decodeUtf8, readFileBytesSync } from "../../lib/files/read-file.ts";
import type { RegistryText } from "../../lib/flow/mcp/backend-lines.ts";
import { commentedDeclarations } from "../../lib/flow/mcp/change-registry.ts";
import { planCatalogue } from "../../lib/flow/mcp/plan-catalogue.ts";
import { planImport, type ImportPlan } from "../../lib/flow/mcp/plan-import.ts";
import { readSavedList } from "../../lib/flow/mcp/saved-list.ts";
import { readToolList, type ToolList } from "../../lib/flow/mcp/tool-list.ts";
import { endpointOf, urlProblem } from "../../lib/policy/registry.ts";
import type { Ports } from "../ports.ts";
import { requireKnown } from "../require-known.ts";
import { loadCatalogue } from "./catalogues.ts";
import type { ImportOptions } from "./import.ts";

export interface RegistryFile extends RegistryText {
  readonly label: string;
}

export interface ImportSource {
  readonly backend: string;
  /** For people: where it is from. */
  readonly from: string;
  readonly plan: ImportPlan;
  /** What of the list was not used, and why. */
  readonly problems: readonly { readonly tool: string; readonly problem: string }[];
}

/** As much as is read of a server. */
const MAX_BYTES = 16 * 1024 * 1024;

/** What is to be imported, and what it changes. @throws AppError */
export async function readImportSource(
  options: ImportOptions,
  file: RegistryFile,
  ports: Pick<Ports, "cwd" | "label" | "listTools">,
): Promise<ImportSource> {
  const { source } = options;
  if (options.catalogue !== undefined) {
    const { name, tools = {} } = requireKnown("backend", options.backend ?? source, file.registry, file.label);
    const plan = planCatalogue(tools, loadCatalogue(options.catalogue));
    return { backend: name, from: `the catalogue ${options.catalogue}`, plan, problems: [] };
  }
  const named = file.registry.get(source);
  const whose = options.backend ?? named?.name ?? null;
  // What is none of the three was meant for one.
  const target = requireKnown("backend", whose ?? requireOther(source), file.registry, file.label);
  const { from, list } =
    named !== undefined && options.backend === undefined
      ? await ask(endpointOf(named), ports)
      : await readOther(source, ports);
  const commented = commentedDeclarations(file, target.name);
  const wishes = { commented, replacesEdited: options.replaceEdited === true };
  return {
    backend: target.name,
    from,
    plan: planImport(target.tools ?? {}, list, wishes),
    problems: problemsOf(list),
  };
}

function requireOther(source: string): string {
  if (!isUrl(source) && !/[./]/.test(source)) return source;
  throw new AppError("usage", "option_missing", "--backend must be given", {
    hint: "Say whose tools these are: --backend eks-ro.",
  });
}

interface Listed {
  readonly from: string;
  readonly list: ToolList;
}

async function readOther(source: string, ports: Pick<Ports, "cwd" | "label" | "listTools">): Promise<Listed> {
  if (!isUrl(source)) return readFile(source, ports);
  const problem = urlProblem(source);
  if (problem !== null)
    throw new AppError("usage", "url_invalid", `the URL ${problem}`, { hint: "Like https://mcp.example.com/mcp." });
  return ask(source, ports);
}

async function ask(url: string, { listTools }: Pick<Ports, "listTools">): Promise<Listed> {
  return { from: url, list: readToolList(await listTools(url)) };
}

function readFile(source: string, { cwd, label }: Pick<Ports, "cwd" | "label">): Listed {
  const path = resolve(cwd, source);
  const from = label(path);
  const reading = readSavedList(decodeUtf8(readFileBytesSync(path, "the list of tools", MAX_BYTES), from));
  if (reading.ok) return { from, list: readToolList(reading.entries) };
  throw new AppError("invalid", "tool_list_invalid", `${from} ${reading.problem}`, {
    hint: "It must be a whole tools/list result, as JSON, or the answer that holds it.",
  });
}

function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

function problemsOf({ tools, unusable }: ToolList): ImportSource["problems"] {
  return [
    ...unusable.map(({ name, problem }) => ({ tool: name, problem })),
    ...[...tools.values()].flatMap(({ name, problem }) => (problem === null ? [] : [{ tool: name, problem }])),
  ];
}
