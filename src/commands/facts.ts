import type { Config } from "../lib/config/config.ts";
import { readFacts as readFiles } from "../lib/files/read-facts.ts";
import { readIamFacts, type IamFacts } from "../lib/flow/iam/iam-facts.ts";
import { readClusterFacts, type ClusterFacts } from "../lib/flow/rbac/cluster-facts.ts";
import type { Ports } from "./ports.ts";

/** What the files that mcpctl.yaml names say of the layers below the gateway; null where it names none. */
export interface Facts {
  readonly cluster: ClusterFacts | null;
  readonly iam: IamFacts | null;
  /** The files, as people know them. */
  readonly files: readonly string[];
}

/** @throws AppError for files that cannot be used */
export function readFacts({ policy }: Pick<Config, "policy">, { label }: Pick<Ports, "label">): Facts {
  const read = (paths: readonly string[]): ReturnType<typeof readFiles> =>
    readFiles(paths.map((path) => ({ path, label: label(path) })));
  const [manifests, iam] = [read(policy.manifests), read(policy.iam)];
  const { complete: isComplete } = policy;
  return {
    cluster: policy.manifests.length === 0 ? null : readClusterFacts(manifests.documents, { isComplete }),
    iam: policy.iam.length === 0 ? null : readIamFacts(iam.documents, { isComplete }),
    files: [...new Set([...manifests.files, ...iam.files])],
  };
}
