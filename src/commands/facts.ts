import type { Config } from "../lib/config/config.ts";
import { readFacts } from "../lib/files/read-facts.ts";
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
  const { documents, files } = readFacts(policy.manifests.map((path) => ({ path, label: label(path) })));
  return { facts: readClusterFacts(documents, { isComplete: policy.complete }), files };
}

/** What the files of `policy.iam` say; null where mcpctl.yaml names none. @throws AppError for files that cannot be used */
export function readIam({ policy }: FactConfig, { label }: FactPorts): Facts<IamFacts> | null {
  if (policy.iam.length === 0) return null;
  const { documents, files } = readFacts(policy.iam.map((path) => ({ path, label: label(path) })));
  return { facts: readIamFacts(documents, { isComplete: policy.complete }), files };
}
