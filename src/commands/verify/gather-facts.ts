import { currentContext, type Config } from "../../lib/config/config.ts";
import { AppError } from "../../lib/errors.ts";
import type { IamFacts } from "../../lib/flow/iam/iam-facts.ts";
import { readToolList } from "../../lib/flow/mcp/tool-list.ts";
import type { ClusterFacts } from "../../lib/flow/rbac/cluster-facts.ts";
import type { OfferedTool, VerifySubject } from "../../lib/flow/verify/subject.ts";
import { endpointOf, type Registry } from "../../lib/policy/registry.ts";
import { readIam, readManifests, type Facts } from "../facts.ts";
import { openLive, type LiveLayer } from "../live.ts";
import type { Ports } from "../ports.ts";

export type FactPorts = Pick<
  Ports,
  "cwd" | "iam" | "kube" | "label" | "listTools" | "now" | "progress" | "projectConfig" | "tell"
>;

export interface GatheredFacts extends Pick<VerifySubject, "cluster" | "iam" | "gatewayNamespace" | "offered"> {
  readonly files: readonly string[];
  readonly notes: readonly string[];
}

export interface FactsAsked {
  /** Read from the systems themselves, and not from files. */
  readonly live: readonly LiveLayer[];
  /** The servers that list their tools; null for none. */
  readonly servers: Registry | null;
}

/** What `verify` looks at. @throws AppError for files that cannot be used, and for systems that cannot be asked */
export async function gatherFacts(config: Config, asked: FactsAsked, ports: FactPorts): Promise<GatheredFacts> {
  const notes: string[] = [];
  const tell = (note: string): void => void notes.push(note);
  const [cluster, iam] = await layerFacts(config, asked.live, ports, tell);
  const offered = asked.servers === null ? null : await listAll(asked.servers, ports, tell);
  return {
    cluster: cluster?.facts ?? null,
    iam: iam?.facts ?? null,
    files: [...new Set([...(cluster?.files ?? []), ...(iam?.files ?? [])])],
    offered,
    gatewayNamespace: gatewayNamespaceOf(config),
    notes,
  };
}

type LayerFacts = readonly [Facts<ClusterFacts> | null, Facts<IamFacts> | null];

async function layerFacts(
  config: Config,
  layers: readonly LiveLayer[],
  ports: FactPorts,
  tell: (note: string) => void,
): Promise<LayerFacts> {
  if (layers.length === 0) return [readManifests(config, ports), readIam(config, ports)];
  const { liveClusterFacts, liveIamFacts } = await import("../live-facts.ts");
  const { api, iam, close } = await openLive(layers, config, ports);
  try {
    return [
      api === null ? readManifests(config, ports) : await liveClusterFacts(api, ports, tell),
      iam === null ? readIam(config, ports) : await liveIamFacts(iam, ports),
    ];
  } finally {
    close();
  }
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
