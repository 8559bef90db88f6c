import { afterAll, beforeAll, expect, it } from "vitest";
import { installCrds, startKubernetes, type Kubernetes } from "./support/kubernetes.ts";

let kubernetes: Kubernetes;
beforeAll(async () => {
  kubernetes = await startKubernetes(["oncall"]);
  await installCrds(kubernetes);
});
afterAll(() => kubernetes.stop());

it("is a real API server that knows External Secrets", async () => {
  const list = await kubernetes.admin.send<{ kind: string }>({
    verb: "list",
    resource: "externalsecrets",
    namespace: "default",
    name: null,
  });
  expect(list.kind).toBe("ExternalSecretList");
});
