import type { IamSession } from "../lib/aws/iam-session.ts";
import type { KubeApi } from "../lib/cluster/kube-api.ts";
import type { Config } from "../lib/config/config.ts";
import { createFileAwsLayer } from "../lib/flow/iam/file-layer.ts";
import type { IamFacts } from "../lib/flow/iam/iam-facts.ts";
import type { ClusterOfPods } from "../lib/flow/iam/judge-trust.ts";
import type { Layers, Unasked } from "../lib/flow/judge-tool.ts";
import { readClusterFacts, type ClusterFacts } from "../lib/flow/rbac/cluster-facts.ts";
import { createFileKubernetesLayer } from "../lib/flow/rbac/file-layer.ts";
import { kindsOf } from "../lib/flow/rbac/kinds.ts";
import { roleAnnotations } from "../lib/flow/rbac/role-annotation.ts";
import type { AwsLayer, KubernetesLayer } from "../lib/flow/requests.ts";
import type { Kinds } from "../lib/flow/tool-need.ts";
import { readIam, readManifests } from "./facts.ts";
import { NOTHING_LIVE, type Live } from "./live.ts";
import type { Ports } from "./ports.ts";

/** The layers below the gateway, ready to be asked. */
export interface AskedLayers {
  readonly layers: Layers;
  readonly kinds: Kinds;
  /** What no answer of theirs takes into account. */
  readonly leavesOut: { readonly kubernetes: readonly string[]; readonly aws: readonly string[] };
}

interface AskedCluster {
  readonly layer: KubernetesLayer | Unasked;
  readonly kinds: Kinds;
  readonly annotationOf: ClusterOfPods["annotationOf"];
  readonly leavesOut: readonly string[];
}

/** The layers as files tell them, or as they say themselves. @throws AppError for files that cannot be used, and for whom cannot be asked */
export async function openLayers(
  config: Pick<Config, "policy" | "contexts" | "currentContext">,
  ports: Pick<Ports, "label">,
  live: Live = NOTHING_LIVE,
): Promise<AskedLayers> {
  const cluster =
    live.api === null
      ? clusterOfFiles(readManifests(config, ports)?.facts ?? null, config)
      : await liveCluster(live.api);
  const { oidcIssuer, eksCluster: clusterName } = config.policy;
  const pods = { oidcIssuer, clusterName, annotationOf: cluster.annotationOf };
  const iam = readIam(config, ports)?.facts ?? null;
  const aws = live.iam === null ? awsOfFiles(iam, pods) : await liveAws(live.iam, iam, pods);
  return {
    layers: { kubernetes: cluster.layer, aws: aws.layer },
    kinds: cluster.kinds,
    leavesOut: { kubernetes: cluster.leavesOut, aws: aws.leavesOut },
  };
}

function clusterOfFiles(facts: ClusterFacts | null, config: Pick<Config, "contexts" | "currentContext">): AskedCluster {
  const snapshots = facts?.snapshots ?? [];
  return {
    layer:
      facts === null
        ? { missing: "manifests, named as policy.manifests in mcpctl.yaml, or --live" }
        : createFileKubernetesLayer(facts),
    kinds: facts === null ? () => null : kindsOf(facts),
    annotationOf: roleAnnotations(facts),
    leavesOut: [
      "admission policies and webhook authorizers",
      ...snapshots.map(sinceThen),
      ...snapshots.flatMap(({ cluster }) => otherCluster(cluster, config)),
    ],
  };
}

/** A snapshot speaks of its own cluster, whichever context is current. */
function otherCluster(cluster: string, config: Pick<Config, "contexts" | "currentContext">): readonly string[] {
  const current = config.contexts.find(({ name }) => name === config.currentContext);
  const pinned = current?.kubernetes?.cluster ?? cluster;
  return pinned === cluster ? [] : [`cluster ${pinned} of context ${current?.name}: the snapshot is of ${cluster}`];
}

async function liveCluster(api: KubeApi): Promise<AskedCluster> {
  const { createLiveKubernetesLayer } = await import("../lib/cluster/access-review.ts");
  const { discoverResources } = await import("../lib/cluster/discover-resources.ts");
  const { liveAnnotations } = await import("../lib/cluster/live-annotations.ts");
  const { documentOf } = await import("../lib/flow/document.ts");
  const { lists } = await discoverResources(api);
  const documents = lists.map((list) => documentOf("discovery", list));
  return {
    layer: createLiveKubernetesLayer(api),
    kinds: kindsOf(readClusterFacts(documents, { isComplete: false })),
    annotationOf: liveAnnotations(api),
    leavesOut: ["admission policies"],
  };
}

interface AskedAws {
  readonly layer: AwsLayer | Unasked;
  readonly leavesOut: readonly string[];
}

const PROVIDER = "whether IAM knows the cluster's OIDC provider";

function awsOfFiles(facts: IamFacts | null, pods: ClusterOfPods): AskedAws {
  const unasked = { missing: "what AWS IAM says, named as policy.iam in mcpctl.yaml, or --live" };
  if (facts === null) return { layer: unasked, leavesOut: [] };
  return {
    layer: createFileAwsLayer(facts, pods),
    leavesOut: [
      ...(facts.controls.length > 0 ? [] : ["service control policies"]),
      "resource-based, session and VPC endpoint policies",
      PROVIDER,
      ...facts.marks.map(sinceThen),
    ],
  };
}

async function liveAws(session: IamSession, files: IamFacts | null, pods: ClusterOfPods): Promise<AskedAws> {
  const { createLiveAwsLayer } = await import("../lib/aws/live-layer.ts");
  const { SIMULATION_LEAVES_OUT } = await import("../lib/aws/simulation-verdict.ts");
  return {
    layer: createLiveAwsLayer(session, { ...pods, associations: files?.associations ?? [] }),
    leavesOut: [...SIMULATION_LEAVES_OUT, PROVIDER],
  };
}

function sinceThen({ takenAt }: { readonly takenAt: string }): string {
  return `what has changed since the snapshot of ${takenAt}`;
}
