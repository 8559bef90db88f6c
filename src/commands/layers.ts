import type { Config, Context } from "../lib/config/config.ts";
import type { Layers } from "../lib/flow/judge-tool.ts";
import { createFileKubernetesLayer } from "../lib/flow/rbac/file-layer.ts";
import type { Kinds } from "../lib/flow/tool-need.ts";
import type { Locks } from "../lib/policy/locks.ts";
import { readFacts, type Facts } from "./facts.ts";
import type { Ports } from "./ports.ts";
import { readLocks } from "./read-locks.ts";

/** Which layers are asked themselves and not their files. */
export type LiveLayers = "all" | "kubernetes" | "aws";

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
  locks(context: Context): Promise<{ readonly locks: Locks; readonly note: string | null }>;
  close(): void;
}

/** The layers as the files tell them. @throws AppError for files that cannot be used */
export function openFiles(config: Pick<Config, "policy">, ports: Pick<Ports, "label">): AskedLayers {
  return layersOf(readFacts(config, ports));
}

function layersOf({ cluster }: Facts): AskedLayers {
  return {
    layers: {
      kubernetes:
        cluster === null
          ? { missing: "manifests, named as policy.manifests in mcpctl.yaml, or --live kubernetes" }
          : createFileKubernetesLayer(cluster),
      aws: { missing: "policies, named as policy.iam in mcpctl.yaml, or --live aws" },
    },
    kinds: () => null,
    leavesOut: { kubernetes: ["admission policies and webhook authorizers"], aws: [] },
  };
}

export async function openLayers(
  config: Config,
  live: LiveLayers | null,
  ports: Pick<Ports, "kube" | "label" | "signal" | "tell">,
): Promise<OpenLayers> {
  void live;
  return {
    ...openFiles(config, ports),
    locks: async (context) => readLocks(context, ports.label),
    close: () => undefined,
  };
}
