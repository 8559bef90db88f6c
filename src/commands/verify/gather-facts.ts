import { currentContext, type Config } from "../../lib/config/config.ts";
import { AppError } from "../../lib/errors.ts";
import { readToolList } from "../../lib/flow/mcp/tool-list.ts";
import type { OfferedTool, VerifySubject } from "../../lib/flow/verify/subject.ts";
import { endpointOf, type Registry } from "../../lib/policy/registry.ts";
import { readFacts } from "../facts.ts";
import type { Ports } from "../ports.ts";

export type FactPorts = Pick<Ports, "cwd" | "label" | "listTools" | "progress" | "projectConfig">;

export interface GatheredFacts extends Pick<VerifySubject, "cluster" | "iam" | "gatewayNamespace" | "offered"> {
  readonly files: readonly string[];
  readonly notes: readonly string[];
}

/** What `verify` looks at; the servers of `asked` list their tools. @throws AppError for files that cannot be used */
export async function gatherFacts(config: Config, asked: Registry | null, ports: FactPorts): Promise<GatheredFacts> {
  const { cluster, iam, files } = readFacts(config, ports);
  const notes: string[] = [];
  const offered = asked === null ? null : await listAll(asked, ports, (note) => notes.push(note));
  return { cluster, iam, files, offered, gatewayNamespace: gatewayNamespaceOf(config), notes };
}

/** A server that does not answer is left out, and told. */
async function listAll(
  registry: Registry,
  { listTools, progress }: FactPorts,
  tell: (note: string) => void,
): Promise<ReadonlyMap<string, readonly OfferedTool[]>> {
  const offered = new Map<string, readonly OfferedTool[]>();
  for (const backend of registry.values()) {
    progress(`Asking ${backend.name} for its tools`);
    try {
      const { tools, unusable } = readToolList(await listTools(endpointOf(backend)));
      offered.set(backend.name, [...tools.values()]);
      for (const { name, problem } of unusable)
        tell(`${backend.name} lists a tool ${name} that cannot be used: ${problem}`);
    } catch (error) {
      if (!(error instanceof AppError) || error.kind === "interrupted") throw error;
      tell(`${backend.name} was not judged by its tools: ${error.message}`);
    } finally {
      progress(null);
    }
  }
  return offered;
}

/** The gateway is where the current context says, or the only one that names a cluster. */
function gatewayNamespaceOf(config: Config): string | null {
  const current = currentContext(config).kubernetes?.namespace;
  const all = new Set(config.contexts.flatMap(({ kubernetes }) => kubernetes?.namespace ?? []));
  const [only] = all;
  return current ?? (all.size === 1 && only !== undefined ? only : null);
}
