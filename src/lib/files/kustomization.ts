import { isJsonObject } from "../json/members.ts";
import { readdirSync, realpathSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { AppError } from "../errors.ts";
import { readDocuments } from "../flow/document.ts";
import { formatPlace } from "../policy/source.ts";
import { fileError } from "./file-error.ts";
import type { PolicyFile } from "./load-policy.ts";
import { readFileBytesSync } from "./read-file.ts";

const NAMES = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
const MAX_BYTES = 3 * 1024 * 1024;
/** What leaves the resources as they lie; ConfigMaps and Secrets are none of the facts. */
const HARMLESS = [
  "apiVersion",
  "kind",
  "metadata",
  "resources",
  "configMapGenerator",
  "secretGenerator",
  "generatorOptions",
  "sortOptions",
];

/** The name of the kustomization among these, or null. */
export function kustomizationIn(names: readonly string[]): string | null {
  return NAMES.find((name) => names.includes(name)) ?? null;
}

/**
 * The files and folders that a kustomization lists, where it does nothing else with them.
 * @throws AppError invalid where kustomize would change them, or fetch them
 */
export function resourcesOf(file: PolicyFile, folder: PolicyFile): readonly string[] {
  const { documents, findings } = readDocuments(
    file.label,
    readFileBytesSync(file.path, "the kustomization", MAX_BYTES),
  );
  const [finding] = findings;
  if (finding !== undefined)
    throw new AppError("invalid", "facts_unreadable", `${formatPlace(finding.place)}: ${finding.message}`, {
      hint: "Mend the file, or name others as policy.manifests or policy.iam in mcpctl.yaml.",
    });
  const [document, ...others] = documents;
  const value: unknown = document?.value;
  if (document === undefined || others.length > 0 || !isJsonObject(value))
    throw unrendered(file.label, "is of a form", folder);
  const stray = Object.keys(value).find((name) => !HARMLESS.includes(name));
  if (stray !== undefined)
    throw unrendered(formatPlace(document.placeOf([stray])), `has "${stray.slice(0, 80)}"`, folder);
  const resources = value["resources"] ?? [];
  if (!Array.isArray(resources)) throw unrendered(file.label, "has resources", folder);
  const odd = resources.findIndex((resource) => typeof resource !== "string" || !isHere(folder, resource));
  if (odd >= 0)
    throw unrendered(formatPlace(document.placeOf(["resources", odd])), "lists what is not here, or something", folder);
  return resources as readonly string[];
}

/** A file below the folder, or another folder with a kustomization; whatever else is a URL, or an error of kustomize, too. */
function isHere(folder: PolicyFile, resource: string): boolean {
  const { path } = folder;
  const target = join(path, resource);
  try {
    const stats = statSync(target, { throwIfNoEntry: false });
    if (stats?.isDirectory() === true) return kustomizationIn(readdirSync(target)) !== null;
    return (
      stats !== undefined &&
      target.startsWith(join(path, sep)) &&
      realpathSync(target).startsWith(realpathSync(path) + sep)
    );
  } catch (error) {
    throw fileError(error, join(folder.label, resource), "read");
  }
}

function unrendered(where: string, what: string, { label }: PolicyFile): AppError {
  return new AppError(
    "invalid",
    "facts_not_rendered",
    `${where}: the kustomization ${what} that is not evaluated here`,
    {
      hint: `Render it first: \`kubectl kustomize ${label} > rendered.yaml\`, and name that file instead.`,
    },
  );
}
