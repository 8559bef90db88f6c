import { lstatSync, readdirSync, realpathSync, statSync } from "node:fs";
import { dirname, basename, join, sep } from "node:path";
import { AppError } from "../errors.ts";
import { fileError } from "./file-error.ts";
import { kustomizationIn, resourcesOf } from "./kustomization.ts";
import type { PolicyFile } from "./load-policy.ts";

const MAX_FILES = 10_000;
/** Whatever lies in the folders, read or not. */
const MAX_ENTRIES = 200_000;

interface Walk {
  /** The folder that was named; nothing outside of it is read for a link in it. */
  readonly root: string;
  readonly found: PolicyFile[];
  /** What was found before, by its one real path. */
  readonly seen: Set<string>;
  entries: number;
}

/**
 * The files that these paths stand for, each once: a file is itself, a folder all *.yaml, *.yml and *.json below it in the
 * order of names, but for hidden ones, or what its kustomization lists.
 * @throws AppError not-found, unavailable, or invalid for what must be rendered first, and for a link that leads out
 */
export function factFiles(paths: readonly PolicyFile[]): readonly PolicyFile[] {
  const shared = { found: [], seen: new Set<string>(), entries: 0 };
  for (const { path, label } of paths) {
    const named = { path, label: label.replace(/(?<=.)\/+$/, "") };
    const walk: Walk = { ...shared, root: attempt(label, () => realpathSync(path)) };
    if (attempt(label, () => statSync(path)).isDirectory()) enter(named, walk);
    else take(named, walk);
  }
  return shared.found;
}

function take(file: PolicyFile, walk: Walk): void {
  if (isSeen(file, walk)) return;
  walk.found.push(file);
  if (walk.found.length > MAX_FILES) throw tooMany(`${MAX_FILES} files`);
}

function enter(folder: PolicyFile, walk: Walk): void {
  if (isSeen(folder, walk)) return;
  const names = attempt(folder.label, () => readdirSync(folder.path)).toSorted();
  walk.entries += names.length;
  if (walk.entries > MAX_ENTRIES) throw tooMany(`${MAX_ENTRIES} files and folders`);
  refuseChart(folder, names);
  const kustomization = kustomizationIn(names);
  if (kustomization !== null) return enterResources(folder, kustomization, walk);
  for (const name of names) if (!name.startsWith(".")) visit(below(folder, name), name, walk);
}

function visit(entry: PolicyFile, name: string, walk: Walk): void {
  const stats = attempt(entry.label, () => lstatSync(entry.path));
  const isLink = stats.isSymbolicLink();
  const isFolder = isLink ? attempt(entry.label, () => statSync(entry.path)).isDirectory() : stats.isDirectory();
  if (!isFolder && !/\.(?:ya?ml|json)$/i.test(name)) return;
  if (isLink) refuseEscape(entry, walk);
  if (isFolder) enter(entry, walk);
  else take(entry, walk);
}

/** What kustomize would apply is what the file lists, and not whatever else lies there. */
function enterResources(folder: PolicyFile, kustomization: string, walk: Walk): void {
  for (const resource of resourcesOf(below(folder, kustomization), folder)) {
    const entry = below(folder, resource);
    if (attempt(entry.label, () => statSync(entry.path)).isDirectory()) enter(entry, walk);
    else take(entry, walk);
  }
}

function refuseChart({ path, label }: PolicyFile, names: readonly string[]): void {
  const isTemplates =
    basename(path) === "templates" && attempt(label, () => readdirSync(dirname(path))).includes("Chart.yaml");
  if (!names.includes("Chart.yaml") && !isTemplates) return;
  throw new AppError(
    "invalid",
    "facts_not_rendered",
    `${label} is a Helm chart, and says nothing until it is rendered`,
    {
      hint: "Render it first: `helm template CHART > rendered.yaml`, and name that file instead.",
    },
  );
}

/** A mounted ConfigMap is links within its folder. */
function refuseEscape({ path, label }: PolicyFile, { root }: Walk): void {
  const target = attempt(label, () => realpathSync(path));
  if (target === root || target.startsWith(root + sep)) return;
  throw new AppError("invalid", "facts_link_leads_out", `${label} is a link that leads out of its folder`, {
    hint: "Name its target itself.",
  });
}

function isSeen({ path, label }: PolicyFile, { seen }: Walk): boolean {
  const real = attempt(label, () => realpathSync(path));
  if (seen.has(real)) return true;
  seen.add(real);
  return false;
}

function below(folder: PolicyFile, name: string): PolicyFile {
  return { path: join(folder.path, name), label: join(folder.label, name) };
}

function tooMany(what: string): AppError {
  return new AppError("invalid", "facts_too_large", `there are more than ${what} to read`, {
    hint: "Name the folders that hold the manifests, or a snapshot.",
  });
}

function attempt<T>(label: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw fileError(error, label, "read");
  }
}
