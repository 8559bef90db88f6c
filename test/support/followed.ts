import { performance } from "node:perf_hooks";
import { followObject, type FollowTimes, type Sighting } from "../../src/lib/cluster/follow-object.ts";
import type { KubeApiOptions } from "../../src/lib/cluster/kube-api.ts";
import { dataOf, type SecretObject } from "../../src/lib/cluster/objects.ts";
import type { FakeKubernetes } from "./fake-kubernetes.ts";
import { until } from "./gateway.ts";

/** Short enough for a test; nothing happens by itself within a few hundred milliseconds but what a test makes happen. */
export const SHORT: FollowTimes = { askMs: 100, idleMs: 60_000, maxPauseMs: 50, silenceMs: 300 };

/** The Secret mcp/keys, followed. */
export interface Followed {
  /** What was told, in order: the data key `v`, or the code of what is wrong. */
  readonly told: readonly string[];
  readonly sightings: readonly Sighting<SecretObject>[];
  readonly faults: readonly unknown[];
  readonly confirmed: number;
  /** Resolves once the last thing told is this. */
  tells(what: string): Promise<void>;
  close(): void;
}

export function followSecret(
  fake: FakeKubernetes,
  times: Partial<FollowTimes> = {},
  options: KubeApiOptions = { timeoutMs: 200 },
): Followed {
  const [sightings, faults] = [[] as Sighting<SecretObject>[], [] as unknown[]];
  let confirmed = 0;
  const told = (): readonly string[] => sightings.map(nameOf);
  const follower = followObject<SecretObject>({
    api: fake.api(options),
    ref: { resource: "secrets", namespace: "mcp", name: "keys" },
    times: { ...SHORT, ...times },
    monotonic: () => performance.now(),
    random: () => 0.5,
    onSighting: (sighting) => void sightings.push(sighting),
    onConfirmed: () => (confirmed += 1),
    onFault: (error) => void faults.push(error),
  });
  return {
    get told() {
      return told();
    },
    sightings,
    faults,
    get confirmed() {
      return confirmed;
    },
    tells: async (what) => {
      await until(told, (names) => names.at(-1) === what);
    },
    close: () => follower.close(),
  };
}

/** What stands in the Secret mcp/keys. */
export function secret(v: string): Readonly<Record<string, unknown>> {
  return { data: { v: Buffer.from(v).toString("base64") } };
}

function nameOf(sighting: Sighting<SecretObject>): string {
  return sighting.ok ? (dataOf(sighting.object, "v")?.toString() ?? "no v") : sighting.error.code;
}
