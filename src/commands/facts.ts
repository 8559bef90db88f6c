import type { Config } from "../lib/config/config.ts";
import { readFacts, type FactFiles } from "../lib/files/read-facts.ts";
import { readIamFacts, type IamFacts } from "../lib/flow/iam/iam-facts.ts";
import { readClusterFacts, type ClusterFacts } from "../lib/flow/rbac/cluster-facts.ts";
import type { Ports } from "./ports.ts";

/** What is known of a layer, and from where. */
export interface Facts<T> {
  readonly facts: T;
  /** The files, as people know them. */
  readonly files: readonly string[];
}

type FactConfig = Pick<Config, "policy">;
type FactPorts = Pick<Ports, "label">;

/** What the files of `policy.manifests` say; null where mcpctl.yaml names none. @throws AppError for files that cannot be used */
export function readManifests({ policy }: FactConfig, { label }: FactPorts): Facts<ClusterFacts> | null {
  if (policy.manifests.length === 0) return null;
  const { documents, files } = readAll(policy.manifests, label);
  // Nothing at all is what a folder holds that was never filled, and what no cluster has.
  const isComplete = policy.complete && documents.length > 0;
  return { facts: readClusterFacts(documents, { isComplete }), files };
}

/** What the files of `policy.iam` say; null where mcpctl.yaml names none. @throws AppError for files that cannot be used */
export function readIam({ policy }: FactConfig, { label }: FactPorts): Facts<IamFacts> | null {
  if (policy.iam.length === 0) return null;
  const { documents, files } = readAll(policy.iam, label);
  return { facts: readIamFacts(documents, { isComplete: policy.complete }), files };
}

function readAll(paths: readonly string[], label: Ports["label"]): FactFiles {
  return readFacts(paths.map((path) => ({ path, label: label(path) })));
}
