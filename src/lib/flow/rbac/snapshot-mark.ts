import { shortName } from "./words.ts";
import { at, isJsonObject, textAt } from "../../json/members.ts";
import type { FactObject } from "./fact-objects.ts";

/** What `mcpctl snapshot` writes into the metadata of its List, as `mcpctl`. */
export interface SnapshotMark {
  readonly version: 1;
  readonly takenAt: string;
  /** UID of the kube-system namespace. */
  readonly cluster: string;
  /** For each kind, whether all its objects are there. */
  readonly isComplete: Readonly<Record<string, boolean>>;
}

/** Does `mcpctl snapshot` say that it wrote this, a List or what is in one? */
export function isMarked(list: unknown): boolean {
  return at(at(list, "metadata"), "mcpctl") !== undefined;
}

/** Is there a mark that is not wholly understood? Then it may say of any kind that it is incomplete. */
export function isMarkStrange(list: FactObject): boolean {
  return isMarked(list.value) && readMark(list) === null;
}

/** The mark of a snapshot's List; null for a list without one, and for one that is not wholly understood. */
export function readMark(list: FactObject): SnapshotMark | null {
  const mark = at(at(list.value, "metadata"), "mcpctl");
  const [takenAt, cluster, isComplete] = [textAt(mark, "takenAt"), textAt(mark, "cluster"), at(mark, "isComplete")];
  if (at(mark, "version") !== 1 || takenAt === null || cluster === null || !isJsonObject(isComplete)) return null;
  if (Object.values(isComplete).some((value) => typeof value !== "boolean")) return null;
  return { version: 1, takenAt, cluster, isComplete: isComplete as Readonly<Record<string, boolean>> };
}

/** Which snapshots are there, where more than one: what of theirs is so nobody can tell. Null for at most one. */
export function severalSnapshots(snapshots: readonly SnapshotMark[]): string | null {
  const all = new Set(snapshots.map(({ cluster, takenAt }) => `of cluster ${shortName(cluster)} at ${takenAt}`));
  return all.size < 2 ? null : `which snapshot is meant: ${[...all].slice(0, 2).join(", or ")}; keep one of them`;
}
