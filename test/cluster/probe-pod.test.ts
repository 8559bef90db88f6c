import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect } from "../../src/lib/cluster/connection.ts";
import { KubeApi } from "../../src/lib/cluster/kube-api.ts";
import { probeBackends } from "../../src/lib/cluster/probe-backends.ts";
import type { KubeObject } from "../../src/lib/cluster/objects.ts";
import type { ProbeOptions } from "../../src/lib/cluster/probe-pod.ts";
import type { ProbeOutcome } from "../../src/lib/flow/verify/subject.ts";
import { until } from "../support/gateway.ts";
import { leftBy, podsLeft, probing, registryOf, serverObjects } from "../support/probe-cluster.ts";
import { makeProject, type RunResult } from "../support/run-cli.ts";
import { startKubernetes, type Kubernetes } from "./support/kubernetes.ts";

const USER = "prober";
const ADDRESSES = { one: "10.1.0.1", two: "10.1.0.2" };
const URLS = { one: "http://one.mcp.svc", two: "http://two.mcp.svc" };

let kubernetes: Kubernetes;
beforeAll(async () => {
  kubernetes = await startKubernetes([USER]);
  const restricted = { "pod-security.kubernetes.io/enforce": "restricted" };
  const namespace = (name: string, labels: object) => ({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, labels },
  });
  await apply([namespace("scratch", restricted), namespace("mcp", {}), ...rights()]);
  for (const [name, host] of Object.entries(ADDRESSES)) await applyServer(name, host);
});
afterAll(() => kubernetes.stop());

async function apply(objects: readonly object[]): Promise<void> {
  await kubernetes.apply(JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
}

async function applyServer(name: string, host: string): Promise<void> {
  const { service, slice, pod } = serverObjects(name, host);
  const labels = { "kubernetes.io/service-name": name };
  await apply([
    { apiVersion: "v1", kind: "Service", metadata: { name, namespace: "mcp" }, ...service },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      ...slice,
      metadata: { name, namespace: "mcp", labels },
    },
    { apiVersion: "v1", kind: "Pod", metadata: { name: `${name}-0`, namespace: "mcp" }, ...pod },
  ]);
}

/** The least that whoever probes must have. */
function rights(): readonly object[] {
  const subjects = [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: USER }];
  const rule = (apiGroup: string, resource: string, ...verbs: string[]) => ({
    apiGroups: [apiGroup],
    resources: [resource],
    verbs,
  });
  const role = (namespace: string, rules: readonly object[]) => {
    const api = { apiVersion: "rbac.authorization.k8s.io/v1", metadata: { name: USER, namespace } };
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: USER };
    return [
      { ...api, kind: "Role", rules },
      { ...api, kind: "RoleBinding", subjects, roleRef },
    ];
  };
  return [
    ...role("scratch", [
      rule("", "pods", "create", "get", "delete"),
      rule("networking.k8s.io", "networkpolicies", "list"),
    ]),
    ...role("mcp", [
      rule("", "services", "get"),
      rule("", "pods", "get"),
      rule("discovery.k8s.io", "endpointslices", "list"),
    ]),
  ];
}

async function apiOf(user: string, signal?: AbortSignal): Promise<KubeApi> {
  const env = { KUBECONFIG: await kubernetes.kubeconfig(user) };
  return new KubeApi(
    connect({ context: "test", env, home: kubernetes.folder }),
    signal === undefined ? {} : { signal },
  );
}

/** Gives the probing pod this status, as the kubelet does. */
async function report(status: object): Promise<void> {
  const [name = ""] = await podsLeft(kubernetes.admin);
  const call = { resource: "pods", namespace: "scratch", name, subresource: "status" } as const;
  await kubernetes.admin.send({ verb: "patch", ...call, body: { status } });
}

function ended(message: string): object {
  const state = { terminated: { exitCode: 0, message } };
  const status = { name: "probe", image: "none", imageID: "none", ready: false, restartCount: 0, state };
  return { phase: "Succeeded", containerStatuses: [status] };
}

/** The uid of another pod that takes its name. */
async function replaced(name: string): Promise<unknown> {
  const place = { resource: "pods", namespace: "scratch" } as const;
  const pod = await kubernetes.admin.send<{ spec: object }>({ verb: "get", ...place, name });
  await kubernetes.admin.send({ verb: "delete", ...place, name });
  const body = { metadata: { name }, spec: pod.spec };
  return (await kubernetes.admin.send<KubeObject>({ verb: "create", ...place, name: null, body })).metadata?.uid;
}

async function run(
  onWait: (count: number) => unknown,
  more: Partial<ProbeOptions> = {},
): Promise<Readonly<Record<string, ProbeOutcome>>> {
  const { options, lines } = probing(onWait, more);
  const api = await apiOf(USER);
  try {
    return Object.fromEntries(await probeBackends(api, registryOf(URLS), options));
  } finally {
    api.close();
    expect(lines).toEqual([]);
    expect(await podsLeft(kubernetes.admin)).toEqual([]);
  }
}

/** `verify --probe` for people who may read everything; `play` is the kubelet's part once the pod is there. */
async function verifyCommand(play: () => Promise<void>): Promise<RunResult> {
  const project = await makeProject();
  const entries = Object.entries(URLS).map(
    ([name, url]) => `  ${name}: { service: s, environment: stage, access: rw, owner: me, url: "${url}" }\n`,
  );
  await writeFile(join(project.cwd, "backends.yaml"), `backends:\n${entries.join("")}`);
  await writeFile(
    join(project.cwd, "mcpctl.yaml"),
    `contexts:
  - name: prod
    store: { type: ssm, path: /k, region: eu-central-1, account: "111122223333" }
    kubernetes: { context: test, cluster: ${kubernetes.uid}, namespace: mcp-gateway, denylist: locks }
`,
  );
  const argv = ["verify", "--live", "kubernetes", "--probe", "scratch", "-o", "json"];
  const ran = project.run(argv, { env: { KUBECONFIG: await kubernetes.kubeconfig("admin") } });
  await until(
    () => podsLeft(kubernetes.admin),
    ({ length }) => length > 0,
  );
  await play();
  try {
    return await ran;
  } finally {
    await project.remove();
  }
}

describe("a throw-away pod", () => {
  it("is what the command says of the servers", async () => {
    const { code, out, err } = await verifyCommand(() => report(ended(leftBy([1]))));
    const told = JSON.parse(out) as Readonly<
      Record<"findings" | "undecided", readonly { code: string; message: string }[]>
    >;
    expect(code).toBe(1);
    const tried = told.findings.filter(({ message }) => message.includes("can connect"));
    expect(tried).toEqual([
      expect.objectContaining({ code: "MC606", message: `a pod that is not the gateway's can connect to "two"` }),
    ]);
    expect(err).not.toContain("--probe");
    expect(await podsLeft(kubernetes.admin)).toEqual([]);
  });

  it("is admitted where pods are restricted, with the least rights, and tells who is reached", async () => {
    let made: unknown;
    const outcomes = await run(async () => {
      const [name = ""] = await podsLeft(kubernetes.admin);
      made = await kubernetes.admin.send({ verb: "get", resource: "pods", namespace: "scratch", name });
      await report(ended(leftBy([1])));
    });
    expect(outcomes).toEqual({ one: "kept-out", two: "reached" });
    expect(made).toMatchObject({
      metadata: { labels: { "app.kubernetes.io/managed-by": "mcpctl" } },
      spec: { activeDeadlineSeconds: 90, restartPolicy: "Never", automountServiceAccountToken: false },
    });
  });

  it("decides nothing where a server is no longer ready", async () => {
    const slice = { resource: "endpointslices", namespace: "mcp", name: "one" } as const;
    const outcomes = await run(async () => {
      const endpoints = [{ addresses: ["10.1.0.1"], conditions: { ready: false, serving: false } }];
      await kubernetes.admin.send({ verb: "patch", ...slice, body: { endpoints } });
      await report(ended(leftBy([])));
    });
    await applyServer("one", ADDRESSES.one);
    expect(outcomes).toEqual({ one: { undecided: "a pod behind Service mcp/one must be ready" }, two: "kept-out" });
  });

  it("that no node takes is deleted, and decides nothing", async () => {
    const undecided = "the pod must run; nothing took it up in time (Pending)";
    expect(await run(() => undefined)).toEqual({ one: { undecided }, two: { undecided } });
  });

  it("is not made where it is not admitted, and that is told", async () => {
    const image = "";
    const outcomes = await run(() => undefined, { image });
    const undecided: unknown = expect.stringMatching(/^create pods in namespace scratch was refused as invalid/);
    expect(outcomes).toEqual({ one: { undecided }, two: { undecided } });
  });

  it("needs a right to be made", async () => {
    const undecided: unknown = expect.stringMatching(/^create pods in namespace mcp was refused: .* lacks that right/);
    const limits = { namespace: "mcp" };
    expect(await run(() => undefined, limits)).toEqual({ one: { undecided }, two: { undecided } });
  });

  it("is deleted when the command is interrupted", async () => {
    const stop = new AbortController();
    const { options } = probing(() => stop.abort());
    const api = await apiOf(USER, stop.signal);
    await expect(probeBackends(api, registryOf(URLS), options)).rejects.toMatchObject({ kind: "interrupted" });
    api.close();
    expect(await podsLeft(kubernetes.admin)).toEqual([]);
  });

  it("is deleted by its uid alone: another of its name stays", async () => {
    let uid: unknown;
    const { options } = probing(async (count) => {
      const [name = ""] = await podsLeft(kubernetes.admin);
      if (count > 1) return report(ended(leftBy([0, 1])));
      uid = await replaced(name);
      return undefined;
    });
    const api = await apiOf(USER);
    await probeBackends(api, registryOf(URLS), options);
    api.close();
    const [name = ""] = await podsLeft(kubernetes.admin);
    const place = { resource: "pods", namespace: "scratch", name } as const;
    expect(await kubernetes.admin.send({ verb: "get", ...place })).toMatchObject({ metadata: { uid } });
    await kubernetes.admin.send({ verb: "delete", ...place });
  });
});
