import { SSMClient } from "@aws-sdk/client-ssm";
import { STSClient } from "@aws-sdk/client-sts";
import { Traffic } from "./traffic.ts";

/** What is not left to the SDK's own configuration files and variables; all of it optional. */
export interface AwsClientOptions {
  readonly endpoint?: string;
  readonly credentials?: AwsCredentials;
  /** Attempts of one call, the first included. */
  readonly maxAttempts?: number;
  readonly connectionTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
}

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface AwsClients {
  readonly ssm: SSMClient;
  readonly sts: STSClient;
  /** What went over the wire. */
  readonly traffic: Traffic;
  /** The region in use: the given one, else the SDK's own resolution, which rejects when there is none. */
  region(): Promise<string>;
  /** Loads credentials as the SDK does (once, then when they expire); rejects when there are none. */
  loadCredentials(): Promise<void>;
}

/** Both clients share one credential provider, so that the account asked of STS is the account written to. */
export function makeAwsClients(region: string | undefined, options: AwsClientOptions): AwsClients {
  const settings = {
    ...(region === undefined ? {} : { region }),
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    retryMode: "standard",
    maxAttempts: options.maxAttempts ?? 6,
    requestHandler: {
      connectionTimeout: options.connectionTimeoutMs ?? 5000,
      requestTimeout: options.requestTimeoutMs ?? 10_000,
      // Without it the SDK only prints a warning and waits on.
      throwOnRequestTimeout: true,
    },
  };
  const ssm = new SSMClient({ ...settings, ...(options.credentials ? { credentials: options.credentials } : {}) });
  const sts = new STSClient({ ...settings, credentials: ssm.config.credentials });
  const traffic = new Traffic();
  traffic.watch(ssm);
  traffic.watch(sts);
  return {
    ssm,
    sts,
    traffic,
    region: () => ssm.config.region(),
    loadCredentials: async () => {
      await ssm.config.credentials();
    },
  };
}
