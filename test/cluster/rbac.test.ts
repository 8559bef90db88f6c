import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLiveKubernetesLayer } from "../../src/lib/cluster/access-review.ts";
import { connect } from "../../src/lib/cluster/connection.ts";
import { KubeApi } from "../../src/lib/cluster/kube-api.ts";
import type { KubeCall, Resource } from "../../src/lib/cluster/resources.ts";
import { snapshotCluster, type ClusterSnapshot } from "../../src/lib/cluster/snapshot-cluster.ts";
import { AppError } from "../../src/lib/errors.ts";
import { readDocuments } from "../../src/lib/flow/document.ts";
import { readClusterFacts, type ClusterFacts } from "../../src/lib/flow/rbac/cluster-facts.ts";
import { rbacJudge } from "../../src/lib/flow/rbac/judge-rbac.ts";
import { kindsOf } from "../../src/lib/flow/rbac/kinds.ts";
import { OWN_KINDS } from "../../src/lib/flow/rbac/own-kinds.ts";
import type { KubernetesRequest, ServiceAccount } from "../../src/lib/flow/requests.ts";
import { showTemplate } from "../../src/lib/flow/template.ts";
import { until } from "../support/gateway.ts";
import { filledByController } from "../support/aggregate-as-controller.ts";
import { randomRbac, randomRequest, type RandomRbac } from "../support/random-rbac.ts";
import { account, factsOf, requestOf } from "../support/rbac-facts.ts";
import { seededNumbers } from "../support/seeded.ts";
import { startKubernetes, type Kubernetes } from "./support/kubernetes.ts";
import { rawOutcome } from "./support/raw-reviews.ts";

/** 300 policies of some 13 objects, 34 requests each. */
const POLICIES = 300;
const REQUESTS = 34;
const SEED = Number(process.env["MCPCTL_RBAC_SEED"] ?? 20261128);
const RESOURCE_OF: Readonly<Record<string, Resource>> = {
  Role: "roles",
  ClusterRole: "clusterroles",
  RoleBinding: "rolebindings",
  ClusterRoleBinding: "clusterrolebindings",
};

let kubernetes: Kubernetes;
beforeAll(async () => {
  kubernetes = await startKubernetes();
});
afterAll(() => kubernetes.stop());

interface Made {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** Makes the objects, some at a time. */
async function create(objects: readonly unknown[]): Promise<void> {
  const rest = [...objects] as Made[];
  const work = async (): Promise<void> => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) {
      const { kind, metadata } = next;
      const resource = RESOURCE_OF[kind] ?? "namespaces";
      const namespace = metadata.namespace ?? null;
      await kubernetes.admin.send({ verb: "create", resource, namespace, name: null, body: next });
    }
  };
  await Promise.all(Array.from({ length: 16 }, work));
}

const API = { apiVersion: "rbac.authorization.k8s.io/v1" };

/** Once the API server heeds these, which are made last, it heeds whatever was made before: each kind is watched in order. */
async function settle(name: string): Promise<void> {
  const rules = [{ verbs: ["get"], apiGroups: ["marker"], resources: [name] }];
  const subjects = [{ kind: "ServiceAccount", name, namespace: "default" }];
  const ref = (kind: string) => ({ apiGroup: "rbac.authorization.k8s.io", kind, name });
  const within = { name, namespace: "default" };
  await create([
    { ...API, kind: "Role", metadata: within, rules },
    { ...API, kind: "ClusterRole", metadata: { name }, rules: [{ ...rules[0], verbs: ["list"] }] },
  ]);
  await create([
    { ...API, kind: "RoleBinding", metadata: within, subjects, roleRef: ref("Role") },
    { ...API, kind: "ClusterRoleBinding", metadata: { name }, subjects, roleRef: ref("ClusterRole") },
  ]);
  const requests = [`get marker ${name} default`, `list marker ${name} default`].map(requestOf);
  await until(
    () => createLiveKubernetesLayer(kubernetes.admin).judge({ namespace: "default", name }, requests),
    (verdicts) => verdicts.every(({ outcome }) => outcome === "allow"),
  );
}

interface Pair {
  readonly account: ServiceAccount;
  readonly request: KubernetesRequest;
}

function show({ account, request }: Pair): string {
  const { verb, group, resource, namespace, name } = request;
  const parts = [verb, group, resource, namespace ?? ["*"], name ?? []].map((part) =>
    JSON.stringify(showTemplate(part)),
  );
  return `${account.namespace}/${account.name}: ${parts.join(" ")}`;
}

describe("the RBAC of files", () => {
  const policies: RandomRbac[] = [];
  const pairs: Pair[] = [];
  const outcomes: string[] = [];
  let snapshot: ClusterSnapshot;

  beforeAll(async () => {
    for (let index = 0; index < POLICIES; index += 1) {
      const below = seededNumbers(SEED + index);
      const policy = randomRbac(below, `p${index}-`);
      policies.push(policy);
      for (let count = 0; count < REQUESTS; count += 1)
        pairs.push({ account: policy.account, request: randomRequest(below, policy, false, `p${index}-`) });
    }
    const spaces = policies.flatMap((_, index) => [1, 2, 3].map((space) => `p${index}-ns-${space}`));
    await create(spaces.map((name) => ({ kind: "Namespace", metadata: { name } })));
    await create(policies.flatMap(({ objects }) => filledByController(objects)));
    await settle("all-is-made");
    for (let from = 0; from < pairs.length; from += 16) {
      const some = pairs.slice(from, from + 16);
      outcomes.push(
        ...(await Promise.all(some.map((pair) => rawOutcome(kubernetes.admin, pair.account, pair.request)))),
      );
    }
    ({ snapshot } = await snapshotCluster(kubernetes.admin, { takenAt: "2026-11-28T00:00:00Z" }));
  }, 180_000);

  /** What is judged otherwise than the API server answers, but for names that may or may not be sent. */
  function disagreements(facts: ClusterFacts): { readonly wrong: readonly string[]; readonly open: number } {
    const judge = rbacJudge(facts);
    const wrong: string[] = [];
    let open = 0;
    for (const [index, pair] of pairs.entries()) {
      const { outcome, reason, missing } = judge(pair.account, pair.request);
      if (outcome === "unknown" && reason === "name_uncertain") open += 1;
      else if (outcome !== outcomes[index])
        wrong.push(`${show(pair)} is ${outcomes[index]}, judged ${outcome} ${missing[0] ?? ""}`);
    }
    return { wrong, open };
  }

  it("asks ten thousand questions that are answered both ways", () => {
    const count = (outcome: string): number => outcomes.filter((one) => one === outcome).length;
    expect(outcomes.length).toBeGreaterThan(10_000);
    expect(count("allow")).toBeGreaterThan(2_500);
    expect(count("deny")).toBeGreaterThan(2_500);
    expect(count("unknown")).toBeLessThan(200);
  });

  it("is told so by the API server itself, asked as mcpctl asks", async () => {
    const live = createLiveKubernetesLayer(kubernetes.admin);
    const told: string[] = [];
    for (let from = 0; from < pairs.length; from += REQUESTS) {
      const some = pairs.slice(from, from + REQUESTS);
      const requests = some.map(({ request }) => request);
      told.push(...(await live.judge((some[0] as Pair).account, requests)).map(({ outcome }) => outcome));
    }
    const wrong = pairs.flatMap((pair, index) =>
      told[index] === outcomes[index] ? [] : [`${show(pair)} is ${outcomes[index]}, told ${told[index]}`],
    );
    expect(wrong).toEqual([]);
  });

  it("is judged as the API server judges it, by what kubectl prints", async () => {
    const printed = await kubernetes.kubectl([
      "get",
      "roles,clusterroles,rolebindings,clusterrolebindings",
      "--all-namespaces",
      "--output=json",
    ]);
    const facts = factsOf(printed, true);
    expect(facts.findings).toEqual([]);
    const { wrong, open } = disagreements(facts);
    expect(wrong).toEqual([]);
    expect(open).toBeLessThan(200);
  });

  it("is judged so by a snapshot, which is complete by itself", () => {
    const { documents } = readDocuments("snapshot.json", Buffer.from(JSON.stringify(snapshot)));
    const facts = readClusterFacts(documents, { isComplete: false });
    expect(facts.findings).toEqual([]);
    expect(disagreements(facts).wrong).toEqual([]);
  });

  it("is judged so by the manifests, whose aggregated roles nobody has filled", () => {
    const items = policies.flatMap(({ objects }) => objects);
    const { wrong } = disagreements(factsOf(JSON.stringify({ apiVersion: "v1", kind: "List", items }), true));
    const [circles, others] = [true, false].map((isSo) =>
      wrong.filter((line) => line.includes("in a circle") === isSo),
    );
    expect(others).toEqual([]);
    expect((circles ?? []).filter((line) => !line.includes("judged unknown"))).toEqual([]);
    expect((circles ?? []).length).toBeLessThan(300);
  });

  it("knows the kinds that the API server serves", () => {
    const { documents } = readDocuments("snapshot.json", Buffer.from(JSON.stringify(snapshot)));
    const discovered = kindsOf(readClusterFacts(documents, { isComplete: false }));
    const lists = snapshot.items.filter((item) => item["kind"] === "APIResourceList");
    expect(new Set(lists.map(({ groupVersion }) => groupVersion))).toEqual(new Set(Object.keys(OWN_KINDS)));
    const own = kindsOf(factsOf("{}", true));
    const kinds = lists.flatMap(({ groupVersion, resources }) =>
      (resources as readonly { readonly kind: string }[]).map(({ kind }) => [String(groupVersion), kind] as const),
    );
    expect(kinds.map(([version, kind]) => own(version, kind))).toEqual(
      kinds.map(([version, kind]) => discovered(version, kind)),
    );
  });
});

describe("real requests of a ServiceAccount", () => {
  const names = { resourceNames: ["a"] };
  const REAL: readonly (readonly [string, KubeCall])[] = [
    ["get - namespaces * real", { verb: "get", resource: "namespaces", namespace: null, name: "real" }],
    ["get - namespaces * default", { verb: "get", resource: "namespaces", namespace: null, name: "default" }],
    ["list - namespaces *", { verb: "list", resource: "namespaces", namespace: null, name: null }],
    [
      "list - namespaces * real",
      {
        verb: "list",
        resource: "namespaces",
        namespace: null,
        name: null,
        query: { fieldSelector: "metadata.name=real" },
      },
    ],
    ["get - configmaps real a", { verb: "get", resource: "configmaps", namespace: "real", name: "a" }],
    ["get - configmaps real b", { verb: "get", resource: "configmaps", namespace: "real", name: "b" }],
    ["list - configmaps real", { verb: "list", resource: "configmaps", namespace: "real", name: null }],
    [
      "list - configmaps real a",
      {
        verb: "list",
        resource: "configmaps",
        namespace: "real",
        name: null,
        query: { fieldSelector: "metadata.name=a" },
      },
    ],
    [
      "list - configmaps * a",
      {
        verb: "list",
        resource: "configmaps",
        namespace: null,
        name: null,
        query: { fieldSelector: "metadata.name=a" },
      },
    ],
    ["deletecollection - configmaps real", { verb: "delete", resource: "configmaps", namespace: "real", name: null }],
    [
      "deletecollection - configmaps real a",
      {
        verb: "delete",
        resource: "configmaps",
        namespace: "real",
        name: null,
        query: { fieldSelector: "metadata.name=a" },
      },
    ],
    [
      "create - configmaps real",
      { verb: "create", resource: "configmaps", namespace: "real", name: null, body: { metadata: { name: "a" } } },
    ],
    [
      "create - secrets real",
      { verb: "create", resource: "secrets", namespace: "real", name: null, body: { metadata: { name: "a" } } },
    ],
    [
      "create authorization.k8s.io subjectaccessreviews *",
      {
        verb: "create",
        resource: "subjectaccessreviews",
        namespace: null,
        name: null,
        body: { spec: { user: "x", resourceAttributes: { verb: "get", resource: "pods" } } },
      },
    ],
  ];

  it("are let through where the answer is yes, and refused where it is no", async () => {
    const rule = (verbs: readonly string[], resources: readonly string[], more: object = {}) => ({
      verbs,
      apiGroups: [""],
      resources,
      ...more,
    });
    await create([{ kind: "Namespace", metadata: { name: "real" } }]);
    await kubernetes.apply(
      JSON.stringify({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "agent", namespace: "real" } }),
    );
    await create([
      {
        ...API,
        kind: "Role",
        metadata: { name: "r", namespace: "real" },
        rules: [rule(["*"], ["namespaces"]), rule(["*"], ["configmaps"], names), rule(["create"], ["secrets"])],
      },
    ]);
    await create([
      {
        ...API,
        kind: "RoleBinding",
        metadata: { name: "r", namespace: "real" },
        subjects: [{ kind: "ServiceAccount", name: "agent" }],
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "r" },
      },
    ]);
    await settle("real-is-made");
    const config = await kubernetes.serviceAccount("real", "agent");
    const api = new KubeApi(connect({ context: "test", env: { KUBECONFIG: config }, home: kubernetes.folder }));
    const printed = await kubernetes.kubectl([
      "get",
      "roles,clusterroles,rolebindings,clusterrolebindings",
      "-A",
      "-o",
      "json",
    ]);
    const judge = rbacJudge(factsOf(printed, true));
    const judged = REAL.map(([request]) => [request, judge(account("real/agent"), requestOf(request)).outcome]);
    const happened: (readonly [string, string])[] = [];
    for (const [request, call] of REAL) happened.push([request, await outcomeOf(api.send(call))]);
    const apply = {
      ...({ verb: "patch", resource: "configmaps", namespace: "real", name: "a" } as const),
      query: { fieldManager: "test" },
      body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "real" } },
    };
    // A server-side apply that creates is authorised by the name as well, which no POST sends.
    const applied = await api.reply(apply, { headers: { "content-type": "application/apply-patch+yaml" } });
    api.close();
    expect(happened).toEqual(judged);
    expect(applied.status).toBe(201);
    expect(judge(account("real/agent"), requestOf("create - configmaps real a")).reason).toBe("name_uncertain");
    expect(new Set(judged.map(([, outcome]) => outcome))).toEqual(new Set(["allow", "deny"]));
  });
});

/** Anything but a refusal is let through: what is not there was looked for. */
async function outcomeOf(sent: Promise<unknown>): Promise<string> {
  try {
    await sent;
    return "allow";
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.kind === "forbidden" ? "deny" : "allow";
  }
}
