import { afterEach, beforeEach, expect, it } from "vitest";
import { startFakeKubernetes, type FakeKubernetes } from "../../support/fake-kubernetes.ts";
import { describeKubernetes } from "../../support/kubernetes-contract.ts";

describeKubernetes("the API server of this process", async () => {
  const fake = await startFakeKubernetes(["externalsecrets"]);
  fake.objects.compact();
  const runPod = async (namespace: string, name: string): Promise<void> => {
    fake.put("pods", name, { status: { podIP: "127.0.0.1" } }, namespace);
  };
  return { api: fake.api(), runPod, podAddress: "127.0.0.1", close: fake.close };
});

let fake: FakeKubernetes;
beforeEach(async () => {
  fake = await startFakeKubernetes();
});
afterEach(() => fake.close());

it("forwards what is for a pod to the URL given for it", async () => {
  const other = await startFakeKubernetes();
  fake.put("pods", "gateway-1", {});
  fake.serve("gateway-1", 8081, other.url);
  const call = { verb: "get", resource: "pods", namespace: "mcp", name: "gateway-1:8081" } as const;
  expect(await fake.api().reply({ ...call, subresource: "proxy/nothing" })).toEqual({
    status: 404,
    text: "404 page not found\n",
  });
  await other.close();
});

it("tells of a fault that met no call, once", async () => {
  fake.inject({ verb: "get", resource: "secrets" }, () => "hang");
  fake.inject({ verb: "list" }, () => "cut");
  const listed = fake.api().send({ verb: "list", resource: "pods", namespace: "mcp", name: null });
  await expect(listed).rejects.toMatchObject({ code: "kube_unreachable" });
  expect(() => fake.settle()).toThrow('no call met the faults planned for {"verb":"get","resource":"secrets"}');
  expect(() => fake.settle()).not.toThrow();
  expect(fake.calls).toEqual([]);
});

it("tells a watch that its version is gone once it forgot it", async () => {
  const { resourceVersion } = fake.put("secrets", "keys", {}).metadata;
  fake.objects.compact();
  const query = { watch: "1", resourceVersion: resourceVersion ?? "" };
  const call = { verb: "watch", resource: "secrets", namespace: "mcp", name: null, query } as const;
  const watch = fake.api().watch(call, 1_000, () => undefined, new AbortController().signal);
  await expect(watch).rejects.toMatchObject({ code: "kube_gone" });
});
