import { describeKubernetes } from "../support/kubernetes-contract.ts";
import { NODE_ADDRESS, startKubernetes } from "./support/kubernetes.ts";

describeKubernetes("a real API server", async () => {
  const { admin, apply, kubectl, stop } = await startKubernetes();
  const runPod = async (namespace: string, name: string): Promise<void> => {
    const spec = { containers: [{ name: "main", image: "none" }] };
    await apply(JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name, namespace }, spec }));
    const status = JSON.stringify({ status: { podIP: NODE_ADDRESS, podIPs: [{ ip: NODE_ADDRESS }] } });
    await kubectl([
      "patch",
      "pod",
      name,
      `--namespace=${namespace}`,
      "--subresource=status",
      "--type=merge",
      "-p",
      status,
    ]);
  };
  return { api: admin, runPod, podAddress: NODE_ADDRESS, close: stop };
});
