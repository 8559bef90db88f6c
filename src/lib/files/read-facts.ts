import { AppError } from "../errors.ts";
import { readDocuments, type FactDocument } from "../flow/document.ts";
import { MOST_YAML } from "../flow/yaml-documents.ts";
import { formatPlace, MAX_POLICY_BYTES, type Finding } from "../policy/source.ts";
import { factFiles } from "./fact-files.ts";
import type { PolicyFile } from "./load-policy.ts";
import { readFileBytesSync } from "./read-file.ts";

/** All files together; a snapshot of a large cluster has a tenth of it. */
const MAX_BYTES = 256 * 1024 * 1024;

export interface FactFiles {
  readonly documents: readonly FactDocument[];
  /** The files that were read, as people know them. */
  readonly files: readonly string[];
}

/**
 * Reads files and folders that describe the layers below the gateway: Kubernetes manifests, or JSON of AWS.
 * @throws AppError not-found or unavailable for what cannot be read, invalid for what cannot be understood
 */
export function readFacts(paths: readonly PolicyFile[]): FactFiles {
  const files = factFiles(paths);
  const documents: FactDocument[] = [];
  let [bytes, yamlLeft] = [0, MOST_YAML];
  for (const { path, label } of files) {
    const content = readFileBytesSync(path, "the file", MAX_POLICY_BYTES);
    bytes += content.length;
    if (bytes > MAX_BYTES)
      throw new AppError("invalid", "facts_too_large", `the files up to ${label} are above 256 MiB`, {
        hint: "Name the folders that hold the manifests, or a snapshot.",
      });
    const reading = readDocuments(label, content, yamlLeft);
    yamlLeft -= reading.size;
    if (reading.findings[0] !== undefined) throw unreadable(reading.findings[0], content);
    documents.push(...reading.documents);
  }
  return { documents, files: files.map(({ label }) => label) };
}

function unreadable({ place, message }: Finding, content: Uint8Array): AppError {
  const isTemplate = Buffer.from(content.buffer, content.byteOffset, content.byteLength).includes("{{");
  return new AppError("invalid", "facts_unreadable", `${formatPlace(place)}: ${message}`, {
    hint: isTemplate
      ? "It looks like a template; render it first: `helm template CHART > rendered.yaml`, and name that file instead."
      : "Mend the file, or name others as policy.manifests or policy.iam in mcpctl.yaml.",
  });
}
