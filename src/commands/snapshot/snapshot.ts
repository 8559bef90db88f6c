import { dirname, join, resolve, sep } from "node:path";
import type { IamSession } from "../../lib/aws/iam-session.ts";
import type { KubeApi } from "../../lib/cluster/kube-api.ts";
import type { Config } from "../../lib/config/config.ts";
import { AppError } from "../../lib/errors.ts";
import { readFileBytesIfAnySync } from "../../lib/files/read-file.ts";
import { makeFolder, replaceFile } from "../../lib/files/write-file.ts";
import { at } from "../../lib/json/members.ts";
import { parseJson } from "../../lib/json/parse-json.ts";
import { printable } from "../../lib/output/printable.ts";
import { MAX_POLICY_BYTES } from "../../lib/policy/source.ts";
import { readAccount, readCluster, unreadNote } from "../live-facts.ts";
import { openLive, type LiveLayer } from "../live.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";

export interface SnapshotOptions {
  readonly layers: readonly LiveLayer[];
  /** The folder. */
  readonly out: string;
}

export type SnapshotPorts = Pick<Ports, "config" | "cwd" | "iam" | "kube" | "label" | "now" | "progress" | "tell">;

/** One file that was written. */
interface Written {
  readonly layer: LiveLayer;
  readonly path: string;
  /** For people: `cluster UID`, `account 111122223333`. */
  readonly of: string;
  readonly taken_at: string;
  /** How many objects of which kinds. */
  readonly objects: Readonly<Record<string, number>>;
  readonly unread: readonly { readonly kind: string; readonly why: string }[];
}

/** Each file is whole, or as it was. @throws AppError when a system cannot be read, or a file not written */
export async function snapshot({ layers, out }: SnapshotOptions, ports: SnapshotPorts): Promise<Result> {
  const config = await ports.config();
  const folder = resolve(ports.cwd, out);
  const files = { kubernetes: join(folder, "kubernetes.json"), aws: join(folder, "aws.json") };
  for (const layer of layers) requireOwn(files[layer], ports.label(files[layer]));
  const live = await openLive(layers, config, ports);
  try {
    const written = [
      ...(live.api === null ? [] : [await writeCluster(live.api, files.kubernetes, ports)]),
      ...(live.iam === null ? [] : [await writeAccount(live.iam, files.aws, ports)]),
    ];
    return resultOf(written, config, ports);
  } finally {
    live.close();
  }
}

/** What somebody else wrote is not replaced. @throws AppError conflict */
function requireOwn(path: string, label: string): void {
  const bytes = readFileBytesIfAnySync(path, "the file", MAX_POLICY_BYTES);
  if (bytes === null) return;
  const reading = parseJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  const mark = reading.ok ? (at(reading.value, "mcpctl") ?? at(at(reading.value, "metadata"), "mcpctl")) : undefined;
  if (mark !== undefined) return;
  throw new AppError("conflict", "not_a_snapshot", `${label} is there, and is no snapshot of mcpctl`, {
    hint: "Name another folder with --out, or move the file away.",
  });
}

async function writeCluster(api: KubeApi, path: string, ports: SnapshotPorts): Promise<Written> {
  const { snapshot: taken, unread } = await readCluster(api, ports);
  const { cluster, takenAt } = taken.metadata.mcpctl;
  await write(path, taken);
  const objects = countBy(taken.items.map(({ kind }) => String(kind)));
  return { layer: "kubernetes", path, of: `cluster ${cluster}`, taken_at: takenAt, objects, unread };
}

async function writeAccount(iam: IamSession, path: string, ports: SnapshotPorts): Promise<Written> {
  const taken = await readAccount(iam, ports);
  const { account, takenAt } = taken.mcpctl;
  await write(path, taken);
  const objects = { Role: taken.RoleDetailList.length, Policy: taken.Policies.length };
  return { layer: "aws", path, of: `account ${account}`, taken_at: takenAt, objects, unread: [] };
}

/** One value a line, so that answers can tell the line that decided, and two snapshots can be compared. */
async function write(path: string, value: object): Promise<void> {
  await makeFolder(dirname(path));
  await replaceFile(path, `${JSON.stringify(value, null, 2)}\n`, `${path}.${process.pid}.tmp`);
}

function countBy(kinds: readonly string[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return Object.fromEntries(counts);
}

function resultOf(written: readonly Written[], { policy }: Config, { label }: SnapshotPorts): Result {
  const named = { kubernetes: policy.manifests, aws: policy.iam };
  return {
    view: {
      data: { snapshots: written.map((each) => ({ ...each, path: label(each.path) })) },
      text: () => written.map((each) => printable(lineOf(each, label))).join("\n"),
    },
    notes: [
      ...written.flatMap(({ unread }) => unread.map(unreadNote)),
      ...written.filter(({ layer, path }) => !isNamed(path, named[layer])).map((each) => unnamedNote(each, label)),
    ],
  };
}

function lineOf({ path, of, objects }: Written, label: Ports["label"]): string {
  const counts = Object.entries(objects).map(([kind, count]) => `${count} ${kind}`);
  return `${label(path)}: ${counts.join(", ")} of ${of}`;
}

function isNamed(path: string, paths: readonly string[]): boolean {
  return paths.some((each) => path === each || path.startsWith(`${each}${sep}`));
}

function unnamedNote({ layer, path }: Written, label: Ports["label"]): string {
  const name = layer === "aws" ? "iam" : "manifests";
  return `mcpctl.yaml does not name ${label(path)}: no answer uses it until policy.${name} does.`;
}
