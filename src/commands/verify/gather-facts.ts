import { currentContext, type Config } from "../../lib/config/config.ts";
import { AppError } from "../../lib/errors.ts";
import type { IamFacts } from "../../lib/flow/iam/iam-facts.ts";
import { readToolList } from "../../lib/flow/mcp/tool-list.ts";
import type { KubeApi } from "../../lib/cluster/kube-api.ts";
import type { ProbeOptions } from "../../lib/cluster/probe-pod.ts";
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

export interface GatheredFacts extends Pick<
  VerifySubject,
  "cluster" | "iam" | "gatewayNamespace" | "offered" | "reached"
> {
  readonly files: readonly string[];
  readonly notes: readonly string[];
}

export interface FactsAsked {
  readonly registry: Registry;
  /** Read from the systems themselves, and not from files. */
  readonly live: readonly LiveLayer[];
  /** Whether the servers are to list their tools. */
  readonly servers: boolean;
  /** The throw-away pod that tries to reach the servers; null for none. */
  readonly probe: Probe | null;
}

export type Probe = Pick<ProbeOptions, "namespace" | "image">;

/** A node may have to be made for the pod, and the image to be pulled. */
const PROBE_START_MS = 90_000;
const NOT_TRIED = "Whether the network plugin enforces NetworkPolicies was not tried (--probe NAMESPACE)";

/** What `verify` looks at. @throws AppError for files that cannot be used, and for systems that cannot be asked */
export async function gatherFacts(config: Config, asked: FactsAsked, ports: FactPorts): Promise<GatheredFacts> {
  const notes: string[] = [];
  const tell = (note: string): void => void notes.push(note);
  const { cluster, iam, reached } = await layerFacts(config, asked, ports, tell);
  const offered = asked.servers ? await listAll(asked.registry, ports, tell) : null;
  return {
    cluster: cluster?.facts ?? null,
    iam: iam?.facts ?? null,
    reached,
    files: [...new Set([...(cluster?.files ?? []), ...(iam?.files ?? [])])],
    offered,
    gatewayNamespace: gatewayNamespaceOf(config),
    notes,
  };
}

interface LayerFacts extends Pick<VerifySubject, "reached"> {
  readonly cluster: Facts<ClusterFacts> | null;
  readonly iam: Facts<IamFacts> | null;
}

async function layerFacts(
  config: Config,
  { live, probe, registry }: FactsAsked,
  ports: FactPorts,
  tell: (note: string) => void,
): Promise<LayerFacts> {
  if (live.length === 0) return { cluster: readManifests(config, ports), iam: readIam(config, ports), reached: null };
  const { liveClusterFacts, liveIamFacts } = await import("../live-facts.ts");
  const { api, iam, close } = await openLive(live, config, ports);
  try {
    if (api !== null && probe === null) tell(NOT_TRIED);
    return {
      cluster: api === null ? readManifests(config, ports) : await liveClusterFacts(api, ports, tell),
      iam: iam === null ? readIam(config, ports) : await liveIamFacts(iam, ports),
      reached: api === null || probe === null ? null : await tryServers(api, registry, probe, ports),
    };
  } finally {
    close();
  }
}

async function tryServers(
  api: KubeApi,
  registry: Registry,
  probe: Probe,
  { progress, tell }: FactPorts,
): Promise<VerifySubject["reached"]> {
  const { probeBackends } = await import("../../lib/cluster/probe-backends.ts");
  try {
    return await probeBackends(api, registry, { ...probe, startMs: PROBE_START_MS, progress, tell });
  } finally {
    progress(null);
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
