import { join } from "node:path";
import { TEST_CREDENTIALS } from "../../support/moto.ts";
import { freePort, startChild, type Child } from "./children.ts";
import { ASSETS, type Kubernetes } from "./kubernetes.ts";

/** The real External Secrets controller; it asks `ssmUrl` for parameters. */
export async function startExternalSecrets(kubernetes: Kubernetes, ssmUrl: string): Promise<Child> {
  const [metrics, live] = await Promise.all([freePort(), freePort()]);
  return startChild(
    join(ASSETS, "external-secrets"),
    [`--metrics-addr=127.0.0.1:${metrics}`, `--live-addr=127.0.0.1:${live}`, "--store-requeue-interval=2s"],
    {
      KUBECONFIG: await kubernetes.kubeconfig("admin"),
      AWS_SSM_ENDPOINT: ssmUrl,
      AWS_STS_ENDPOINT: ssmUrl,
      AWS_REGION: "eu-central-1",
      AWS_ACCESS_KEY_ID: TEST_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: TEST_CREDENTIALS.secretAccessKey,
    },
  );
}
