import { performance } from "node:perf_hooks";
import { afterAll, beforeAll, expect, it } from "vitest";
import { connect } from "../../src/lib/cluster/connection.ts";
import { followObject } from "../../src/lib/cluster/follow-object.ts";
import { KubeApi } from "../../src/lib/cluster/kube-api.ts";
import { dataOf, type SecretObject } from "../../src/lib/cluster/objects.ts";
import type { KubeCall } from "../../src/lib/cluster/resources.ts";
import { until } from "../support/gateway.ts";
import { startKubernetes, type Kubernetes } from "./support/kubernetes.ts";

/** The least rights of a gateway for one Secret (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources). */
const ROLE = `
apiVersion: v1
kind: Namespace
metadata: { name: mcp }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: gateway, namespace: mcp }
rules:
  - { apiGroups: [""], resources: [secrets], resourceNames: [keys], verbs: [get, list, watch] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: gateway, namespace: mcp }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: gateway }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: User, name: gateway }]
`;

let kubernetes: Kubernetes;
let api: KubeApi;
beforeAll(async () => {
  kubernetes = await startKubernetes(["gateway", "nobody"]);
  await kubernetes.apply(ROLE);
  api = await as("gateway");
});
afterAll(async () => {
  api.close();
  await kubernetes.stop();
});

async function as(user: string): Promise<KubeApi> {
  const env = { KUBECONFIG: await kubernetes.kubeconfig(user) };
  return new KubeApi(connect({ context: "test", env, home: kubernetes.folder }), { timeoutMs: 2_000 });
}

const SECRETS = { resource: "secrets", namespace: "mcp", name: null } as const;
const put = (v: string): Promise<string> =>
  kubernetes.apply(
    `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"keys","namespace":"mcp"},"stringData":{"v":"${v}"}}`,
  );

it.each<{ readonly what: string; readonly call: KubeCall }>([
  { what: "lists without a name", call: { ...SECRETS, verb: "list" } },
  { what: "lists another", call: { ...SECRETS, verb: "list", query: { fieldSelector: "metadata.name=other" } } },
  { what: "another object", call: { ...SECRETS, verb: "get", name: "other" } },
  { what: "writing", call: { ...SECRETS, verb: "patch", name: "keys", body: { data: {} } } },
])("the Role of a gateway forbids $what", async ({ call }) => {
  await expect(api.send(call)).rejects.toMatchObject({ kind: "forbidden", code: "kube_forbidden" });
});

it("credentials that the server does not know are told apart from rights", async () => {
  const stranger = await as("stranger");
  const nobody = await as("nobody");
  const call = { ...SECRETS, verb: "list" } as const;
  await expect(stranger.send(call)).rejects.toMatchObject({ code: "kube_credentials_refused" });
  await expect(nobody.send(call)).rejects.toMatchObject({ code: "kube_forbidden" });
  stranger.close();
  nobody.close();
});

it("a Secret is followed with the rights for it alone, through its deletion and a restart of the API server", async () => {
  const told: string[] = [];
  const follower = followObject<SecretObject>({
    api,
    ref: { resource: "secrets", namespace: "mcp", name: "keys" },
    times: { askMs: 500, maxPauseMs: 500, silenceMs: 1_000 },
    monotonic: () => performance.now(),
    random: Math.random,
    onSighting: (sighting) =>
      void told.push(sighting.ok ? (dataOf(sighting.object, "v")?.toString() ?? "no v") : sighting.error.code),
    onConfirmed: () => undefined,
    onFault: (error) => void told.push(String(error)),
  });
  const tells = async (what: string): Promise<void> => {
    await until(
      () => told.at(-1),
      (last) => last === what,
    );
  };
  await tells("object_not_found");
  await put("1");
  await tells("1");
  await put("2");
  await tells("2");
  await kubernetes.kubectl(["delete", "secret", "keys", "--namespace=mcp"]);
  await tells("object_not_found");
  await put("3");
  await tells("3");
  await kubernetes.stopApiServer();
  await tells("kube_unreachable");
  await kubernetes.startApiServer();
  await tells("3");
  await put("4");
  await tells("4");
  follower.close();
  expect(told).toEqual(["object_not_found", "1", "2", "object_not_found", "3", "kube_unreachable", "3", "4"]);
});
