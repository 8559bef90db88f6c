import { mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { KubeObject } from "../../lib/cluster/objects.ts";
import { deployFiles, type ProjectFile } from "../../lib/deploy/deploy-files.ts";
import {
  clusterProjectFiles,
  fileProjectFiles,
  storeFolder,
  type ClusterProject,
} from "../../lib/deploy/project-files.ts";
import { AppError, clause } from "../../lib/errors.ts";
import { fileError } from "../../lib/files/file-error.ts";
import { createFile, replaceFile } from "../../lib/files/write-file.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { clusterSteps, fileSteps } from "./next-steps.ts";
import { readProject, type ProjectFlags } from "./read-project.ts";

export interface WriteOptions {
  readonly dir: string;
  /** Whether files that are there are replaced. */
  readonly isForced: boolean;
  readonly flags: ProjectFlags;
}

type WritingPorts = Pick<Ports, "ask" | "cwd" | "kube" | "label">;

/** A file in `-o json` (schemas/output/init.schema.json). */
interface FileData {
  readonly file: string;
  readonly result: "written" | "replaced" | "left";
}

export async function writeProject({ dir, isForced, flags }: WriteOptions, ports: WritingPorts): Promise<Result> {
  const folder = resolve(ports.cwd, dir);
  const wanted = await readProject(flags, ports);
  if (wanted.store === "file") {
    const files = await writeFiles(folder, fileProjectFiles(wanted.project), isForced, ports);
    const isIgnored = files.every(({ file, result }) => !file.endsWith(".gitignore") || result !== "left");
    return answer(files, null, fileSteps(isIgnored ? null : storeFolder(wanted.project.path)));
  }
  const { project, note } = await withCluster(wanted.project, ports);
  const files = await writeFiles(folder, [...clusterProjectFiles(project), ...deployFiles(project)], isForced, ports);
  return answer(files, project.cluster, [...note, ...clusterSteps(project, dir)]);
}

/** Which cluster does the kubeconfig's context lead to? It is asked where no flag says, and may not answer. */
async function withCluster(
  project: ClusterProject,
  ports: Pick<Ports, "kube">,
): Promise<{ readonly project: ClusterProject; readonly note: readonly string[] }> {
  if (project.cluster !== null) return { project, note: [] };
  const name = "kube-system";
  try {
    const api = await ports.kube(project.kubeContext, { timeoutMs: 5_000 });
    const call = { verb: "get", resource: "namespaces", namespace: null, name } as const;
    const { metadata } = await api.send<KubeObject>(call).finally(() => api.close());
    const cluster = metadata?.uid ?? null;
    return {
      project: { ...project, cluster },
      note: [`${project.kubeContext} is cluster ${cluster ?? "-"} at ${api.server}.`],
    };
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === "interrupted") throw error;
    return { project, note: [`Warning: the cluster was not asked for its UID: ${clause(error.message)}.`] };
  }
}

async function writeFiles(
  folder: string,
  files: readonly ProjectFile[],
  isForced: boolean,
  { label }: Pick<Ports, "label">,
): Promise<readonly FileData[]> {
  const written: FileData[] = [];
  for (const { path, content } of files) {
    const target = join(folder, path);
    await makeFolder(dirname(target));
    const isNew = await createFile(target, content);
    if (!isNew && isForced) await replaceFile(target, content);
    written.push({ file: label(target), result: isNew ? "written" : isForced ? "replaced" : "left" });
  }
  return written;
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw fileError(error, path, "write");
  }
}

function answer(files: readonly FileData[], cluster: string | null, steps: readonly string[]): Result {
  const isLeft = files.some(({ result }) => result === "left");
  return {
    view: {
      data: { cluster, files },
      text: () => files.map(({ file, result }) => `${result.padEnd(8)}  ${file}`).join("\n"),
    },
    notes: [
      ...(isLeft
        ? ["Files that were left may not fit the others: --force replaces them, your own edits included."]
        : []),
      ...steps,
    ],
  };
}
