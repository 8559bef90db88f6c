import type { KubeApi } from "../../src/lib/cluster/kube-api.ts";
import type { ProbeOptions } from "../../src/lib/cluster/probe-pod.ts";
import { readRegistry, type Registry } from "../../src/lib/policy/registry.ts";

/** A registry of these servers, by their URLs. */
export function registryOf(urls: Readonly<Record<string, string>>): Registry {
  const lines = Object.entries(urls).map(
    ([name, url]) => `  ${name}: { service: s, environment: stage, access: ro, owner: me, url: "${url}" }\n`,
  );
  return readRegistry("backends.yaml", Buffer.from(`backends:\n${lines.join("")}`)).registry;
}

/** A Service of port 80 and one ready pod at port 8080, which a readiness probe tries by the port's name. */
export function serverObjects(name: string, host: string): Readonly<Record<"service" | "slice" | "pod", object>> {
  const labels = { "kubernetes.io/service-name": name };
  return {
    service: { spec: { type: "ClusterIP", ports: [{ name: "mcp", port: 80, protocol: "TCP", targetPort: "http" }] } },
    slice: {
      metadata: { labels },
      addressType: "IPv4",
      ports: [{ name: "mcp", port: 8080, protocol: "TCP" }],
      endpoints: [
        {
          addresses: [host],
          conditions: { ready: true, serving: true, terminating: false },
          targetRef: { kind: "Pod", name: `${name}-0`, namespace: "mcp" },
        },
      ],
    },
    pod: {
      spec: {
        containers: [
          {
            name: "server",
            image: "none",
            ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }],
            readinessProbe: { httpGet: { path: "/", port: "http" } },
          },
        ],
      },
    },
  };
}

export interface Told {
  readonly options: ProbeOptions;
  readonly lines: string[];
  readonly progress: string[];
}

/** Time passes only while it waits; `onWait` is what the cluster does meanwhile. */
export function probing(onWait: (count: number) => unknown, more: Partial<ProbeOptions> = {}): Told {
  const [lines, progress] = [[] as string[], [] as string[]];
  let time = 0;
  let count = 0;
  const options: ProbeOptions = {
    namespace: "scratch",
    image: "busybox",
    startMs: 60_000,
    progress: (text) => void progress.push(text),
    tell: (line) => void lines.push(line),
    now: () => time,
    wait: async (ms) => {
      time += ms;
      await onWait((count += 1));
    },
    ...more,
  };
  return { options, lines, progress };
}

/** What the script leaves when these addresses connected. */
export function leftBy(numbers: readonly number[], end: readonly string[] = ["control", "end"]): string {
  return [...numbers, ...end, ""].join("\n");
}

/** Names of the pods in the namespace that probes run in. */
export async function podsLeft(api: Pick<KubeApi, "send">): Promise<readonly string[]> {
  const call = { verb: "list", resource: "pods", namespace: "scratch", name: null } as const;
  const { items } = await api.send<{ items: readonly { metadata: { name: string } }[] }>(call);
  return items.map(({ metadata }) => metadata.name);
}
