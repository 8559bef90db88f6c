import { isJsonObject } from "../json/members.ts";
import { join } from "node:path";
import { AppError } from "../errors.ts";
import { readFileBytesSync } from "../files/read-file.ts";
import { decodeSource, formatPlace, type Finding } from "../policy/source.ts";
import { parseYaml, plainValue } from "../policy/yaml-source.ts";
import { KUSTOMIZATION } from "./deploy-files.ts";
import type { KubeManifest } from "./manifest.ts";

/** The API server takes no larger object. */
const MAX_FILE_BYTES = 3 * 1024 * 1024;
/** What of a kustomization is read; anything else could change an object on its way to the cluster. */
const KNOWN = ["apiVersion", "kind", "resources", "configMapGenerator", "generatorOptions"];
const OPTIONS = JSON.stringify({ disableNameSuffixHash: true });

interface Kustomization {
  readonly resources: readonly string[];
  readonly configMapGenerator: readonly Generator[];
}

interface Generator {
  readonly name: string;
  readonly namespace: string;
  readonly files: readonly string[];
}

/**
 * The objects that `kubectl apply -k` would apply in this project, as its files are now.
 * @throws AppError not-found or invalid for a file that cannot be read, or says what is not read here
 */
export function readManifests(folder: string): readonly KubeManifest[] {
  const { resources, configMapGenerator } = readKustomization(folder);
  return [
    ...resources.flatMap((path) => readDocuments(join(folder, path)).map((value) => asManifest(value, path))),
    ...configMapGenerator.map(({ name, namespace, files }) => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace },
      data: Object.fromEntries(files.map((file) => dataEntry(folder, file))),
    })),
  ];
}

function readKustomization(folder: string): Kustomization {
  const path = join(folder, KUSTOMIZATION);
  const [value, ...others] = readDocuments(path);
  const { resources = [], configMapGenerator = [], generatorOptions } = asMap(value, KUSTOMIZATION);
  const stray = Object.keys(value ?? {}).find((name) => !KNOWN.includes(name));
  if (stray !== undefined || others.length > 0 || !isTexts(resources) || !isGenerators(configMapGenerator))
    throw unread(stray === undefined ? "is of a form" : `has the field "${stray.slice(0, 80)}"`);
  // With the hash the ConfigMaps have names that no gateway follows.
  if (configMapGenerator.length > 0 && JSON.stringify(generatorOptions) !== OPTIONS)
    throw unread("has generatorOptions other than `disableNameSuffixHash: true`");
  return { resources, configMapGenerator };
}

function unread(problem: string): AppError {
  return new AppError("invalid", "kustomization_unread", `${KUSTOMIZATION} ${problem} that is not evaluated here`, {
    hint: "Write what it says into the manifests, or compare with `kubectl diff -k`.",
  });
}

function readDocuments(path: string): readonly unknown[] {
  const bytes = readFileBytesSync(path, "the file", MAX_FILE_BYTES);
  const reading = decodeSource(path, bytes);
  if (!reading.ok) throw unreadable(reading.finding);
  const { documents, findings } = parseYaml(reading.source);
  if (findings[0] !== undefined) throw unreadable(findings[0]);
  return documents.map(plainValue);
}

function unreadable(finding: Finding): AppError {
  return new AppError("invalid", "manifest_unreadable", `${formatPlace(finding.place)}: ${finding.message}`, {
    hint: finding.hint ?? "See `kubectl kustomize .`.",
  });
}

function asManifest(value: unknown, path: string): KubeManifest {
  const { apiVersion, kind, metadata } = asMap(value, path);
  const isNamed =
    typeof metadata === "object" && metadata !== null && typeof asMap(metadata, path)["name"] === "string";
  if (typeof apiVersion === "string" && typeof kind === "string" && isNamed) return value as KubeManifest;
  throw new AppError("invalid", "manifest_unreadable", `${path} holds something without apiVersion, kind or name`);
}

function asMap(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (isJsonObject(value)) return value;
  throw new AppError("invalid", "manifest_unreadable", `${path} holds something that is not an object`);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function isGenerators(value: unknown): value is readonly Generator[] {
  return Array.isArray(value) && value.every(isGenerator);
}

function isGenerator(value: unknown): boolean {
  const { name, namespace, files, ...others } = asMap(value, KUSTOMIZATION);
  return (
    typeof name === "string" && typeof namespace === "string" && isTexts(files) && Object.keys(others).length === 0
  );
}

/** `roles.yaml`, or `roles.yaml=path/to/it`: the data key and its text. */
function dataEntry(folder: string, file: string): readonly [string, string] {
  const mark = file.indexOf("=");
  const path = file.slice(mark + 1);
  const key = mark < 0 ? path.replace(/^.*\//, "") : file.slice(0, mark);
  return [key, Buffer.from(readFileBytesSync(join(folder, path), "the file", MAX_FILE_BYTES)).toString()];
}
