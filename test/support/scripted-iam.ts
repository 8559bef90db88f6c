import { openIamSession, type IamSession } from "../../src/lib/aws/iam-session.ts";
import type { AwsPin } from "../../src/lib/aws/session.ts";
import type { FaultProxy } from "./fault-proxy.ts";
import { TEST_CREDENTIALS } from "./moto.ts";

/** IAM as the proxy alone answers it, each call once and without waiting. */
export function scriptedIam({ url }: FaultProxy, pin: Omit<AwsPin, "region"> = {}): IamSession {
  return openIamSession(
    { region: "eu-central-1", ...pin },
    {
      env: {},
      client: { endpoint: url, credentials: TEST_CREDENTIALS, maxAttempts: 1 },
      pause: async () => undefined,
    },
  );
}
