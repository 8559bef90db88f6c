import { describeKubernetes } from "../support/kubernetes-contract.ts";
import { startKubernetes } from "./support/kubernetes.ts";

describeKubernetes("a real API server", async () => {
  const { admin, stop } = await startKubernetes();
  return { api: admin, close: stop };
});
