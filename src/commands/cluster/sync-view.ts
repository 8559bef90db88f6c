import type { ReplicaProof } from "../../lib/cluster/prove.ts";
import type { View } from "../../lib/output/view.ts";
import type { SyncReport } from "../../lib/cluster/sync-run.ts";

/** A replica as it is shown; times in whole milliseconds. */
export function replicaData({ name, isTerminating, state, provenAfterMs, problem }: ReplicaProof) {
  return {
    name,
    terminating: isTerminating,
    version: state?.version ?? null,
    instance: state?.instance ?? null,
    proven: problem === null,
    proven_after_ms: provenAfterMs === null ? null : Math.round(provenAfterMs),
    problem,
  };
}

/** One row for each thing that was to be proven. */
export function syncView({ secrets, objections, lacking, replicas, problems }: SyncReport): View {
  const data = {
    proven: problems.length === 0,
    objections: objections.map(({ externalSecret, problem, mend }) => ({
      external_secret: externalSecret,
      problem,
      mend,
    })),
    secrets: secrets.map(({ externalSecret, secret, contents, problem }) => ({
      external_secret: externalSecret,
      secret,
      entries: contents?.entries.length ?? null,
      bytes: contents?.bytes ?? null,
      sha256: contents?.sha256 ?? null,
      resource_version: contents?.resourceVersion ?? null,
      synced: contents?.synced ?? null,
      problem,
    })),
    lacking,
    replicas: replicas?.map(replicaData) ?? null,
    problems,
  };
  const rows = [
    ...data.secrets.map(({ external_secret: name, entries, bytes, problem }) => [
      `ExternalSecret ${name}`,
      problem === null && lacking === null ? "synced" : "not proven",
      problem ?? lacking ?? `${entries ?? 0} entries, ${bytes ?? 0} bytes`,
    ]),
    ...(data.replicas ?? []).map(({ name, proven, proven_after_ms: ms, problem }) => [
      name,
      proven ? "enforces it" : "behind",
      problem ?? `read after ${ms ?? 0} ms`,
    ]),
  ];
  return { data, table: { columns: ["WHERE", "STATE", "DETAIL"], rows } };
}
