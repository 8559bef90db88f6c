import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { probeBackends } from "../../../src/lib/cluster/probe-backends.ts";
import type { ProbeOptions } from "../../../src/lib/cluster/probe-pod.ts";
import { serviceOf } from "../../../src/lib/flow/service-of.ts";
import type { Resource } from "../../../src/lib/cluster/resources.ts";
import type { ProbeOutcome } from "../../../src/lib/flow/verify/subject.ts";
import { failure } from "../../support/fake-kubernetes-answers.ts";
import { startFakeKubernetes, type FakeKubernetes } from "../../support/fake-kubernetes.ts";
import { leftBy, podsLeft, probing, registryOf, serverObjects, type Told } from "../../support/probe-cluster.ts";

const URLS = { one: "http://one.mcp.svc", two: "http://two.mcp.svc.cluster.local:80" };
const ADDRESSES = { one: "10.1.0.1", two: "10.1.0.2" };

let fake: FakeKubernetes;
beforeEach(async () => {
  fake = await startFakeKubernetes();
  fake.put("namespaces", "scratch", {}, "");
  for (const [name, host] of Object.entries(ADDRESSES)) putServer(name, host);
});
afterEach(() => fake.close());

function putServer(
  name: string,
  host: string,
  change: (objects: ReturnType<typeof serverObjects>) => unknown = (same) => same,
): void {
  const objects = serverObjects(name, host);
  change(objects);
  fake.put("services", name, { ...objects.service });
  fake.put("endpointslices", name, { ...objects.slice });
  fake.put("pods", `${name}-0`, { ...objects.pod });
}

/** Gives the probing pod this status, as the kubelet does. */
function report(status: Readonly<Record<string, unknown>>): void {
  const [pod] = fake.objects.list("pods", "scratch");
  if (pod !== undefined) fake.put("pods", pod.metadata.name ?? "", { ...pod, status }, "scratch");
}

function ended(message: string, exitCode = 0): Readonly<Record<string, unknown>> {
  return { phase: "Succeeded", containerStatuses: [{ state: { terminated: { exitCode, message } } }] };
}

interface Ran extends Pick<Told, "lines" | "progress"> {
  readonly outcomes: Readonly<Record<string, ProbeOutcome>>;
}

async function run(
  onWait: (count: number) => unknown,
  more: Partial<ProbeOptions> = {},
  urls: Readonly<Record<string, string>> = URLS,
): Promise<Ran> {
  const { options, lines, progress } = probing(onWait, more);
  const outcomes = await probeBackends(fake.api(), registryOf(urls), options);
  return { outcomes: Object.fromEntries(outcomes), lines, progress };
}

/** Why both servers are undecided, and which pods are left. */
async function openBy(ran: Promise<Ran>): Promise<{ readonly why: unknown; readonly left: readonly string[] }> {
  const { one, two } = (await ran).outcomes;
  expect(two).toEqual(one);
  return { why: (one as { undecided: string }).undecided, left: await podsLeft(fake.api()) };
}

describe("a server", () => {
  it("is reached by a pod that connects, and kept from one that does not where it would have answered", async () => {
    const ran = await run((count) => count === 3 && report(ended(leftBy([1]))));
    expect(ran).toEqual({
      outcomes: { one: "kept-out", two: "reached" },
      lines: [],
      progress: [
        "Looking for the pods of one",
        "Looking for the pods of two",
        "Trying 2 servers from a pod in namespace scratch",
      ],
    });
    expect(await podsLeft(fake.api())).toEqual([]);
    const made = fake.calls.find(({ verb }) => verb === "create");
    const removed = fake.calls.find(({ verb }) => verb === "delete");
    const { metadata, spec } = (made?.body ?? {}) as {
      metadata: { labels: unknown };
      spec: { containers: { command: string[] }[] };
    };
    expect(metadata.labels).toEqual({
      "app.kubernetes.io/managed-by": "mcpctl",
      "sidecar.istio.io/inject": "false",
      "istio.io/dataplane-mode": "none",
    });
    expect(spec.containers[0]?.command.slice(7)).toEqual(["10.1.0.1", "8080", "10.1.0.2", "8080"]);
    expect(removed?.body).toMatchObject({ preconditions: { uid: expect.stringMatching(/^[0-9a-f-]{36}$/) } });
  });

  it("that was reached is so though the pod ended early, and the others are open", async () => {
    const { outcomes } = await run(() => report(ended(leftBy([0], []), 137)));
    expect(outcomes).toEqual({ one: "reached", two: { undecided: "the pod must try every server; it ended before" } });
  });

  it.each([
    ["https://mcp.example.com", "its url must be a Service's (NAME.NAMESPACE.svc): others are not in the cluster"],
    ["http://three.mcp.svc", "there must be a Service mcp/three"],
    ["http://one.mcp.svc:8080", "Service mcp/one must have a port 8080 of pods"],
  ])("at %s is open, and no pod is made for it", async (url, undecided) => {
    const ran = await run(() => undefined, {}, { three: url });
    expect(ran.outcomes).toEqual({ three: { undecided } });
    expect(fake.count("create", "pods")).toBe(0);
  });
});

describe("a server that nothing reached", () => {
  const nothing = (): void => report(ended(leftBy([])));
  type Slice = { endpoints: Record<string, unknown>[] };

  it.each<[string, object, string]>([
    ["is not ready", { conditions: { ready: false, serving: false } }, "a pod behind Service mcp/two must be ready"],
    [
      "is published unready",
      { conditions: { ready: true, serving: false } },
      "a pod behind Service mcp/two must be ready",
    ],
    [
      "ends",
      { conditions: { ready: true, serving: true, terminating: true } },
      "a pod behind Service mcp/two must be ready",
    ],
    ["says nothing of it", { conditions: {} }, "a pod behind Service mcp/two must be ready"],
    ["is no pod", { targetRef: undefined }, "a pod behind Service mcp/two must be ready"],
    ["has no address", { addresses: ["host.example"] }, "a pod behind Service mcp/two must be ready"],
  ])("is open where its endpoint %s", async (_what, change, undecided) => {
    putServer("two", ADDRESSES.two, ({ slice }) => Object.assign((slice as Slice).endpoints[0] ?? {}, change));
    expect((await run(nothing)).outcomes).toEqual({ one: "kept-out", two: { undecided } });
  });

  it("is open where it stops being ready meanwhile", async () => {
    const stop = ({ slice }: { slice: object }): unknown => ((slice as Slice).endpoints = []);
    const { outcomes } = await run(() => {
      putServer("two", ADDRESSES.two, stop);
      putServer("one", "10.1.0.9");
      nothing();
    });
    expect(outcomes).toEqual({
      one: { undecided: "its pods must stay ready while they are tried" },
      two: { undecided: "a pod behind Service mcp/two must be ready" },
    });
  });

  it.each<[string, object | undefined]>([
    ["none", undefined],
    ["one of another port", { tcpSocket: { port: 9090 } }],
    ["one of another host", { httpGet: { port: 8080, host: "example.com" } }],
    ["one that runs a program", { exec: { command: ["true"] } }],
  ])("is open where its readiness probe is %s", async (_what, readinessProbe) => {
    putServer("two", ADDRESSES.two, ({ pod }) =>
      Object.assign((pod as { spec: { containers: object[] } }).spec.containers[0] ?? {}, { readinessProbe }),
    );
    const undecided =
      "pod mcp/two-0 must have a readiness probe of port 8080; else nobody knows that it would have answered";
    expect((await run(nothing)).outcomes).toEqual({ one: "kept-out", two: { undecided } });
  });

  it("is open where the pod does not even reach the API server", async () => {
    expect(await openBy(run(() => report(ended(leftBy([], ["end"])))))).toEqual({
      why: "pods of namespace scratch must reach something; they do not even reach the API server",
      left: [],
    });
  });

  it.each([
    [{ podSelector: {}, policyTypes: ["Egress"] }, true],
    [{ podSelector: { matchLabels: { "app.kubernetes.io/managed-by": "mcpctl" } }, egress: [{}] }, true],
    [{ podSelector: { matchLabels: { app: "other" } }, policyTypes: ["Egress"] }, false],
    [{ podSelector: {}, policyTypes: ["Ingress"] }, false],
  ])("is open where a policy limits what the pod connects to: %j", async (spec, isLimited) => {
    fake.put("networkpolicies", "n", { spec }, "scratch");
    const undecided =
      "a namespace is needed whose pods may connect to anything; a NetworkPolicy of scratch limits them";
    const outcome: ProbeOutcome = isLimited ? { undecided } : "kept-out";
    expect((await run(nothing)).outcomes).toEqual({ one: outcome, two: outcome });
  });
});

describe("a pod that does not do its work", () => {
  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    [
      "finds no node",
      {
        phase: "Pending",
        conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/3 nodes" }],
      },
      "the pod must run; no node takes it (Unschedulable: 0/3 nodes)",
    ],
    ["is not taken up", { phase: "Pending" }, "the pod must run; nothing took it up in time (Pending)"],
    [
      "has no image",
      {
        phase: "Pending",
        containerStatuses: [{ state: { waiting: { reason: "ImagePullBackOff", message: "Back-off" } } }],
      },
      "the pod must run; its container waits (ImagePullBackOff: Back-off)",
    ],
    [
      "does not end",
      { phase: "Running", containerStatuses: [{ state: { running: {} } }] },
      "the pod must end in time; it still runs",
    ],
    [
      "is evicted",
      { phase: "Failed", reason: "Evicted", message: "disk" },
      "the pod must run; it ended (Evicted: disk)",
    ],
    ["fails", ended("nc: not found", 127), "the pod must try every server; it ended with 127 (nc: not found)"],
    [
      "says that it ended and did not",
      ended(leftBy([]), 1),
      "the pod must try every server; it ended with 1 (control\nend\n)",
    ],
  ])("decides nothing when it %s, and is deleted", async (_what, status, why) => {
    expect(await openBy(run((count) => count === 1 && report(status)))).toEqual({ why, left: [] });
  });

  it("is waited for no longer than it may take", async () => {
    let waits = 0;
    await run((count) => void (waits = count), { startMs: 20_000 });
    // 20 s to start, 3 rounds of 5 s, 2 pauses of 5 s, and 5 s to spare.
    expect(waits).toBe(50);
  });

  it("is not waited for where nothing could mend it", async () => {
    let waits = 0;
    const waiting = { reason: "CreateContainerConfigError", message: "runs as root" };
    expect(
      await openBy(
        run((count) => {
          waits = count;
          report({ phase: "Pending", containerStatuses: [{ state: { waiting } }] });
        }),
      ),
    ).toEqual({ why: "the pod must run; its container waits (CreateContainerConfigError: runs as root)", left: [] });
    expect(waits).toBe(1);
  });

  it("decides nothing when somebody deletes it", async () => {
    const remove = (): void =>
      fake.remove("pods", fake.objects.list("pods", "scratch")[0]?.metadata.name ?? "", "scratch");
    expect(await openBy(run(remove))).toEqual({ why: "the pod must run; somebody deleted it", left: [] });
  });

  it("decides nothing with a mesh's proxy in it", async () => {
    fake.inject({ verb: "create", resource: "pods" }, (_call, forward) => {
      const { status, body } = forward();
      const pod = body as { spec: { containers: unknown[] } };
      return {
        status,
        body: { ...pod, spec: { ...pod.spec, containers: [...pod.spec.containers, { name: "proxy" }] } },
      };
    });
    expect(await openBy(run(() => undefined))).toEqual({
      why: "the pod must run alone; admission put containers into it",
      left: [],
    });
  });
});

describe("a right that lacks", () => {
  const no = () => failure(403, "Forbidden", "no");

  it.each<[Resource, "create" | "get" | "list", string | null, string]>([
    ["pods", "create", "scratch", "create pods in namespace scratch"],
    ["networkpolicies", "list", "scratch", "list networkpolicies.networking.k8s.io in namespace scratch"],
    ["endpointslices", "list", "mcp", "list endpointslices.discovery.k8s.io in namespace mcp"],
  ])("to %s (%s) is named", async (resource, verb, namespace, right) => {
    fake.inject({ resource, verb, namespace }, no, 9);
    const why = `${right} was refused: the Kubernetes identity in use lacks that right (it says: no)`;
    expect(await openBy(run(() => report(ended(leftBy([])))))).toEqual({ why, left: [] });
  });

  it("to see how a server's pod is probed leaves that server open", async () => {
    fake.inject({ resource: "pods", verb: "get", name: "two-0" }, no);
    const { outcomes } = await run(() => report(ended(leftBy([]))));
    const undecided = `get pods "two-0" in namespace mcp was refused: the Kubernetes identity in use lacks that right (it says: no)`;
    expect(outcomes).toEqual({ one: "kept-out", two: { undecided } });
  });

  it("to delete the pod leaves it, and says so", async () => {
    fake.inject({ resource: "pods", verb: "delete" }, no);
    const { outcomes, lines } = await run(() => report(ended(leftBy([0, 1]))));
    expect(outcomes).toEqual({ one: "reached", two: "reached" });
    const [name = ""] = await podsLeft(fake.api());
    expect(lines).toEqual([
      `Pod scratch/${name} may still be there: delete pods "${name}" in namespace scratch was refused: the Kubernetes identity in use lacks that right (it says: no). Delete it; it ends by itself 90 s after it began.`,
    ]);
  });
});

describe("whatever happens, the pod is deleted", () => {
  it("when the command is interrupted", async () => {
    const stop = new AbortController();
    const { options } = probing(() => stop.abort());
    const probe = probeBackends(fake.api({ signal: stop.signal }), registryOf(URLS), options);
    await expect(probe).rejects.toMatchObject({ kind: "interrupted" });
    expect(await podsLeft(fake.api())).toEqual([]);
  });

  it("when the answer to its creation is lost", async () => {
    fake.inject({ verb: "create", resource: "pods" }, (_call, forward) => {
      forward();
      return "cut";
    });
    await expect(run(() => undefined)).rejects.toMatchObject({ kind: "unavailable" });
    expect(await podsLeft(fake.api())).toEqual([]);
  });

  it("when the API server fails meanwhile", async () => {
    fake.inject({ verb: "get", resource: "pods", namespace: "scratch" }, () => failure(500, "InternalError", "no"));
    await expect(run(() => undefined)).rejects.toMatchObject({ kind: "unavailable" });
    expect(await podsLeft(fake.api())).toEqual([]);
  });

  it("where there is such a namespace", async () => {
    const ran = run(() => undefined, { namespace: "none" });
    await expect(ran).rejects.toMatchObject({ kind: "not-found" });
    expect(fake.count("delete", "pods")).toBe(0);
  });
});

it.each<[string, unknown]>([
  ["http://a.b.svc:8080/x", { service: "a", namespace: "b", port: 8080 }],
  ["https://a.b.svc.cluster.local", { service: "a", namespace: "b", port: 443 }],
  ["http://a.b.svc.", { service: "a", namespace: "b", port: 80 }],
  ["http://a.b", null],
  ["http://a.b.svcx", null],
  ["http://10.0.0.1", null],
  ["http://pod.a.b.svc", null],
])("%s is the Service %j", (url, expected) => {
  expect(serviceOf(url)).toEqual(expected);
});
