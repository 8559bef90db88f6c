import { snapshotIam } from "../lib/aws/snapshot-iam.ts";
import type { IamSession } from "../lib/aws/iam-session.ts";
import type { KubeApi } from "../lib/cluster/kube-api.ts";
import { snapshotCluster, type SnapshotReading } from "../lib/cluster/snapshot-cluster.ts";
import { documentOf } from "../lib/flow/document.ts";
import { readIamFacts, type IamFacts } from "../lib/flow/iam/iam-facts.ts";
import { readClusterFacts, type ClusterFacts } from "../lib/flow/rbac/cluster-facts.ts";
import { formatTime } from "../lib/time.ts";
import type { Facts } from "./facts.ts";
import type { Ports } from "./ports.ts";

type SnapshotPorts = Pick<Ports, "now" | "progress">;

/** Reads the cluster, telling on a terminal what is read. @throws AppError when it cannot be reached */
export async function readCluster(api: KubeApi, { now, progress }: SnapshotPorts): Promise<SnapshotReading> {
  try {
    const tell = (what: string): void => progress(`Reading ${what} of the cluster`);
    return await snapshotCluster(api, { takenAt: formatTime(now()), tell });
  } finally {
    progress(null);
  }
}

/** Reads IAM, telling so on a terminal. @throws AppError for what cannot be had */
export async function readAccount(session: IamSession, { now, progress }: SnapshotPorts) {
  try {
    progress("Reading roles and policies of AWS IAM");
    return await snapshotIam(session, now());
  } finally {
    progress(null);
  }
}

/** What the cluster says now; `tell` is told of what may not be read. */
export async function liveClusterFacts(
  api: KubeApi,
  ports: SnapshotPorts,
  tell: (note: string) => void,
): Promise<Facts<ClusterFacts>> {
  const { snapshot, unread } = await readCluster(api, ports);
  for (const each of unread) tell(unreadNote(each));
  const from = "cluster";
  return { facts: readClusterFacts([documentOf(from, snapshot)], { isComplete: false }), files: [from] };
}

/** What IAM says now. */
export async function liveIamFacts(session: IamSession, ports: SnapshotPorts): Promise<Facts<IamFacts>> {
  const account = await readAccount(session, ports);
  const from = `account ${account.mcpctl.account}`;
  return { facts: readIamFacts([documentOf(from, account)], { isComplete: false }), files: [from] };
}

export function unreadNote({ kind, why }: SnapshotReading["unread"][number]): string {
  return `Not all of ${kind} was read, so that nothing is denied for want of one: ${why}`;
}
