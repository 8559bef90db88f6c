import { followFiles, type FileReading } from "../../lib/files/follow-file.ts";
import { followObject, type FollowTimes } from "../../lib/cluster/follow-object.ts";
import type { KubeApi } from "../../lib/cluster/kube-api.ts";
import { dataOf, type ConfigMapObject, type SecretObject } from "../../lib/cluster/objects.ts";
import { parseObjectRef, type ObjectRef } from "../../lib/cluster/object-ref.ts";
import { AppError } from "../../lib/errors.ts";
import type { Clock } from "./clock.ts";

/** A file, or a data key of an object, as it was last seen. */
export type Reading = FileReading & {
  /** The object's resourceVersion. */
  readonly version?: string;
  /** Monotonic milliseconds at which the API last said something of it, where it says nothing now. */
  readonly since?: number;
};

export interface FeedPorts {
  readonly clock: Clock;
  /** How often to look at a file. */
  readonly pollMs: number;
  /** The API server; null where nothing of a cluster is followed. */
  readonly cluster: Pick<KubeApi, "send" | "watch"> | null;
  readonly followTimes?: Partial<FollowTimes>;
}

export interface FeedOptions {
  readonly what: string;
  /** A file, or an object as `secret:NAMESPACE/NAME` or `configmap:NAMESPACE/NAME`. */
  readonly path: string;
  /** The data keys to read of an object, in this order. */
  readonly dataKeys: readonly string[];
  readonly maxBytes: number;
  readonly paths?: () => Promise<readonly string[]>;
}

export interface FeedListener {
  /** All readings, whenever one of them changed. */
  readonly onReadings: (readings: readonly Reading[]) => void;
  /** What was read last is what stands there. */
  readonly onConfirmed: () => void;
  readonly onFault: (error: unknown) => void;
}

export interface Feed {
  /** Resolves after the first readings. */
  readonly ready: Promise<void>;
  close(): void;
}

/** Follows what lies at this path. */
export function openFeed(options: FeedOptions, ports: FeedPorts, listener: FeedListener): Feed {
  const { what, path, maxBytes, paths = () => Promise.resolve([path]) } = options;
  const ref = parseObjectRef(path);
  if (ref !== null) return followDataKeys(ref, options, ports, listener);
  const { onReadings, onFault } = listener;
  return followFiles({ what, maxBytes, paths, pollMs: ports.pollMs, onReadings, onFault });
}

/** Is this the API server's silence, rather than something wrong with the object? */
export function isSilence(error: AppError | undefined): boolean {
  return error?.code.startsWith("kube_") === true;
}

function followDataKeys(
  ref: ObjectRef,
  { path: label, dataKeys, maxBytes }: FeedOptions,
  { cluster, clock, followTimes }: FeedPorts,
  { onReadings, onConfirmed, onFault }: FeedListener,
): Feed {
  if (cluster === null) throw new Error(`no cluster to follow ${label} in`);
  return followObject<SecretObject & ConfigMapObject>({
    api: cluster,
    ref,
    ...(followTimes === undefined ? {} : { times: followTimes }),
    monotonic: clock.monotonic,
    random: Math.random,
    onSighting: (sighting) => {
      const readings = dataKeys.map((key): Reading => {
        const path = `${label} ${key}`;
        if (!sighting.ok) return { ok: false, path, error: sighting.error, since: sighting.since };
        const version = sighting.object.metadata?.resourceVersion ?? "";
        const bytes = dataOf(sighting.object, key);
        if (bytes === null) return { ok: false, path, version, error: unusable(label, `has no ${key}`) };
        if (bytes.length > maxBytes)
          return { ok: false, path, version, error: unusable(label, `has a ${key} that is too large`) };
        return { ok: true, path, version, bytes };
      });
      onReadings(readings);
    },
    onConfirmed,
    onFault,
  });
}

function unusable(label: string, problem: string): AppError {
  return new AppError("invalid", "data_key_unusable", `${label} ${problem}`);
}
