import { statSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../lib/config/config.ts";
import { AppError } from "../lib/errors.ts";
import { readFileBytesSync } from "../lib/files/read-file.ts";
import { readDocuments, type FactDocument } from "../lib/flow/document.ts";
import type { Layers } from "../lib/flow/judge-tool.ts";
import { readClusterFacts } from "../lib/flow/rbac/cluster-facts.ts";
import { createFileKubernetesLayer } from "../lib/flow/rbac/file-layer.ts";
import type { Kinds } from "../lib/flow/tool-need.ts";
import { MAX_POLICY_BYTES } from "../lib/policy/source.ts";
import type { Ports } from "./ports.ts";

/** The layers below the gateway, ready to be asked. */
export interface AskedLayers {
  readonly layers: Layers;
  readonly kinds: Kinds;
  /** What no answer of theirs takes into account. */
  readonly leavesOut: { readonly kubernetes: readonly string[]; readonly aws: readonly string[] };
}

/** The layers as the files that the configuration names tell them. @throws AppError for files that cannot be used */
export function openFiles({ policy }: Pick<Config, "policy">, { label }: Pick<Ports, "label">): AskedLayers {
  const documents = policy.manifests.flatMap((path) => read(path, label));
  const facts = readClusterFacts(documents, { isComplete: policy.complete });
  return {
    layers: {
      kubernetes:
        policy.manifests.length === 0
          ? { missing: "manifests, named as policy.manifests in mcpctl.yaml, or --live kubernetes" }
          : createFileKubernetesLayer(facts),
      aws: { missing: "policies, named as policy.iam in mcpctl.yaml, or --live aws" },
    },
    kinds: () => null,
    leavesOut: { kubernetes: ["admission policies and webhook authorizers"], aws: [] },
  };
}

function read(path: string, label: Ports["label"]): readonly FactDocument[] {
  if (statSync(path).isDirectory()) return readdirSync(path).flatMap((name) => read(join(path, name), label));
  const { documents, findings } = readDocuments(label(path), readFileBytesSync(path, "the manifest", MAX_POLICY_BYTES));
  if (findings[0] !== undefined) throw new AppError("invalid", "manifest_unreadable", findings[0].message);
  return documents;
}
