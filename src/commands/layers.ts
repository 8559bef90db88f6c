import type { Config, Context } from "../lib/config/config.ts";
import type { Layers } from "../lib/flow/judge-tool.ts";
import { createFileAwsLayer } from "../lib/flow/iam/file-layer.ts";
import { roleAnnotation } from "../lib/flow/rbac/role-annotation.ts";
import { kindsOf } from "../lib/flow/rbac/kinds.ts";
import { createFileKubernetesLayer } from "../lib/flow/rbac/file-layer.ts";
import type { Kinds } from "../lib/flow/tool-need.ts";
import type { Locks } from "../lib/policy/locks.ts";
import { readFacts } from "./facts.ts";
import type { Ports } from "./ports.ts";
import { readLocks } from "./read-locks.ts";

/** The layers below the gateway, ready to be asked. */
export interface AskedLayers {
  readonly layers: Layers;
  readonly kinds: Kinds;
  /** What no answer of theirs takes into account. */
  readonly leavesOut: { readonly kubernetes: readonly string[]; readonly aws: readonly string[] };
}

/** The same, and the locks. */
export interface OpenLayers extends AskedLayers {
  /** The locks in force, and what to say where they were not read. */
  locks(context: Context): { readonly locks: Locks; readonly note: string | null };
}

/** The layers as the files tell them. @throws AppError for files that cannot be used */
export function openFiles(config: Pick<Config, "policy">, ports: Pick<Ports, "label">): AskedLayers {
  const { cluster, iam } = readFacts(config, ports);
  const { oidcIssuer } = config.policy;
  return {
    layers: {
      kubernetes:
        cluster === null
          ? { missing: "manifests, named as policy.manifests in mcpctl.yaml" }
          : createFileKubernetesLayer(cluster),
      aws:
        iam === null
          ? { missing: "what AWS IAM says, named as policy.iam in mcpctl.yaml" }
          : createFileAwsLayer(iam, { oidcIssuer, annotationOf: (account) => roleAnnotation(cluster, account) }),
    },
    kinds: cluster === null ? () => null : kindsOf(cluster),
    leavesOut: {
      kubernetes: ["admission policies and webhook authorizers"],
      aws: [
        ...(iam === null || iam.controls.length > 0 ? [] : ["service control policies"]),
        "resource-based, session and VPC endpoint policies",
      ],
    },
  };
}

export function openLayers(config: Config, ports: Pick<Ports, "label">): OpenLayers {
  return { ...openFiles(config, ports), locks: (context) => readLocks(context, ports.label) };
}
