import { statSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../lib/config/config.ts";
import { AppError } from "../lib/errors.ts";
import { readFileBytesSync } from "../lib/files/read-file.ts";
import { readDocuments, type FactDocument } from "../lib/flow/document.ts";
import { readClusterFacts, type ClusterFacts } from "../lib/flow/rbac/cluster-facts.ts";
import { MAX_POLICY_BYTES } from "../lib/policy/source.ts";
import type { Ports } from "./ports.ts";

/** What the files that mcpctl.yaml names say of the layers below the gateway; null where it names none. */
export interface Facts {
  readonly cluster: ClusterFacts | null;
  readonly iam: null;
  /** The files, as people know them. */
  readonly files: readonly string[];
}

/** @throws AppError for files that cannot be used */
export function readFacts({ policy }: Pick<Config, "policy">, { label }: Pick<Ports, "label">): Facts {
  const documents = policy.manifests.flatMap((path) => read(path, label));
  return {
    cluster: policy.manifests.length === 0 ? null : readClusterFacts(documents, { isComplete: policy.complete }),
    iam: null,
    files: [...new Set(documents.map(({ file }) => file))],
  };
}

function read(path: string, label: Ports["label"]): readonly FactDocument[] {
  if (statSync(path).isDirectory()) return readdirSync(path).flatMap((name) => read(join(path, name), label));
  const { documents, findings } = readDocuments(label(path), readFileBytesSync(path, "the manifest", MAX_POLICY_BYTES));
  if (findings[0] !== undefined) throw new AppError("invalid", "manifest_unreadable", findings[0].message);
  return documents;
}
