import { startFakeKubernetes } from "../../support/fake-kubernetes.ts";
import { describeKubernetes } from "../../support/kubernetes-contract.ts";

describeKubernetes("the API server of this process", async () => {
  const fake = await startFakeKubernetes(["externalsecrets"]);
  fake.objects.compact();
  return { api: fake.api(), close: fake.close };
});
