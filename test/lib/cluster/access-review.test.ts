import { afterEach, beforeEach, expect, it } from "vitest";
import { createLiveKubernetesLayer } from "../../../src/lib/cluster/access-review.ts";
import type { Verdict } from "../../../src/lib/flow/verdict.ts";
import { failure, type Answer } from "../../support/fake-kubernetes-answers.ts";
import { startFakeKubernetes, type FakeKubernetes } from "../../support/fake-kubernetes.ts";
import { account, requestOf } from "../../support/rbac-facts.ts";

const REVIEW = { verb: "create", resource: "subjectaccessreviews" } as const;

let fake: FakeKubernetes;
beforeEach(async () => {
  fake = await startFakeKubernetes();
});
afterEach(() => fake.close());

async function judge(...requests: readonly string[]): Promise<readonly Verdict[]> {
  return createLiveKubernetesLayer(fake.api()).judge(account("mcp/agent"), requests.map(requestOf));
}

/** The verdict when the API server answers with this status. */
async function whenTold(status: unknown): Promise<Verdict | undefined> {
  fake.inject(REVIEW, () => ({ status: 201, body: { status } }), 1);
  const [verdict] = await judge("get - pods ns x");
  return verdict;
}

const LIVE = { place: null, source: "live", missing: [] };

it("asks as the ServiceAccount with its three groups, each question once", async () => {
  await judge("get - pods/log ns x", "list apps deployments *", "get - pods/log ns x", "get - namespaces * ns");
  expect(fake.calls.map(({ body }) => (body as { spec: unknown }).spec)).toEqual(
    [
      { verb: "get", resource: "pods", subresource: "log", namespace: "ns", name: "x" },
      { verb: "list", group: "apps", resource: "deployments" },
      { verb: "get", resource: "namespaces", namespace: "ns", name: "ns" },
    ].map((resourceAttributes) => ({
      user: "system:serviceaccount:mcp:agent",
      groups: ["system:serviceaccounts", "system:serviceaccounts:mcp", "system:authenticated"],
      resourceAttributes,
    })),
  );
});

it("tells in order what is allowed and what is not", async () => {
  fake.put("clusterroles", "r", { rules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }] }, "");
  const roleRef = { kind: "ClusterRole", name: "r" };
  fake.put("rolebindings", "b", { subjects: [{ kind: "ServiceAccount", name: "agent" }], roleRef });
  expect(await judge("get - pods mcp x", "delete - pods mcp x")).toEqual([
    {
      ...LIVE,
      outcome: "allow",
      reason: "review_allows",
      text: "the API server allows it: RBAC: allowed by RoleBinding mcp/b binds ClusterRole r, rule 1: get pods",
    },
    { ...LIVE, outcome: "deny", reason: "no_rule", text: "the API server knows nothing that allows it" },
  ]);
});

const UNKNOWN = {
  outcome: "unknown",
  reason: "argument_unknown",
  text: "the API server cannot be asked, for the request is not wholly known",
  place: null,
  source: "nothing",
};

it("asks nothing with a guess", async () => {
  expect(await judge("get - {resource} ns x", "get - pods ns web-{number}")).toEqual([
    { ...UNKNOWN, missing: ["the argument resource decides (--arg resource=VALUE)"] },
    { ...UNKNOWN, missing: ["the argument number decides (--arg number=VALUE)"] },
  ]);
  expect(fake.calls).toEqual([]);
});

it("asks of a namespace and a name that are not known whether all are allowed, and takes no other answer", async () => {
  const answers = [true, false].map((allowed): Answer => ({ status: 201, body: { status: { allowed } } }));
  fake.inject(REVIEW, () => answers.shift() as Answer, 2);
  expect(await judge("get - pods {namespace} {name}")).toMatchObject([{ outcome: "allow", source: "live" }]);
  expect(await judge("get - pods {namespace} {name}")).toEqual([
    {
      ...UNKNOWN,
      missing: [
        "the argument namespace decides (--arg namespace=VALUE)",
        "the argument name decides (--arg name=VALUE)",
      ],
    },
  ]);
  const asked = fake.calls.map(({ body }) => (body as { spec: { resourceAttributes: unknown } }).spec);
  expect(asked.map(({ resourceAttributes }) => resourceAttributes)).toEqual(
    Array.from({ length: 2 }, () => ({ verb: "get", resource: "pods" })),
  );
});

it("asks with and without a name that may not be sent", async () => {
  const answers: Answer[] = [true, false].map((allowed) => ({ status: 201, body: { status: { allowed } } }));
  fake.inject(REVIEW, () => answers.shift() as Answer, 2);
  expect(await judge("create - secrets ns a")).toEqual([
    {
      ...LIVE,
      outcome: "unknown",
      reason: "name_uncertain",
      text: "the API server allows it with the object's name, and does not allow it without",
      missing: ["whether the request names its object decides: a server-side apply does, a create does not"],
    },
  ]);
  expect(await judge("create - secrets ns a")).toMatchObject([{ outcome: "deny" }]);
});

it.each([
  [{ allowed: true }, "allow", "the API server allows it"],
  [{ allowed: true, evaluationError: "a webhook failed" }, "allow", "the API server allows it"],
  [{ allowed: false }, "deny", "the API server knows nothing that allows it"],
  [{ allowed: false, denied: true, reason: "no" }, "deny", "the API server denies it: no"],
  [{ allowed: false, denied: true, evaluationError: "e" }, "deny", "the API server denies it"],
  [
    { allowed: false, evaluationError: "a webhook failed" },
    "unknown",
    "the API server could not decide: a webhook failed",
  ],
  [{ allowed: true, denied: true }, "unknown", "the API server could not decide: it says both yes and no"],
])("reads %j as %s", async (status, outcome, text) => {
  expect(await whenTold(status)).toMatchObject({ outcome, text, source: "live" });
});

it.each([{}, { allowed: "true" }, null])("takes %j for no answer", async (status) => {
  await expect(whenTold(status)).rejects.toMatchObject({ kind: "unavailable", code: "kube_answer_unreadable" });
});

it("says which right is missing to ask at all", async () => {
  fake.inject(REVIEW, () => failure(403, "Forbidden", "no"));
  expect(await judge("get - pods ns x")).toEqual([
    {
      outcome: "unknown",
      reason: "review_not_permitted",
      text: "the API server does not answer whoever is asking here",
      place: null,
      source: "nothing",
      missing: ["the right to create subjectaccessreviews.authorization.k8s.io is needed (kube_forbidden)"],
    },
  ]);
});

it("fails where the API server fails", async () => {
  fake.inject(REVIEW, () => "cut");
  await expect(judge("get - pods ns x")).rejects.toMatchObject({ kind: "unavailable", code: "kube_unreachable" });
});
