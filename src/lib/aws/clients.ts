import type { IAMClient } from "@aws-sdk/client-iam";
import type { SSMClient } from "@aws-sdk/client-ssm";
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

export interface AwsClients<Service> {
  readonly service: Service;
  readonly sts: STSClient;
  /** What went over the wire. */
  readonly traffic: Traffic;
  /** The region in use: the given one, else the SDK's own resolution, which rejects when there is none. */
  region(): Promise<string>;
  /** Loads credentials as the SDK does (once, then when they expire); rejects when there are none. */
  loadCredentials(): Promise<void>;
}

/** Makes the client of one service, and one of STS, in the region given or the SDK's own. */
export type MakeClients<Service> = (region: string | undefined, options: AwsClientOptions) => AwsClients<Service>;

/** Every client is set up alike. */
export function settingsOf(region: string | undefined, options: AwsClientOptions) {
  return {
    ...(region === undefined ? {} : { region }),
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(options.credentials ? { credentials: options.credentials } : {}),
    retryMode: "standard",
    maxAttempts: options.maxAttempts ?? 6,
    requestHandler: {
      connectionTimeout: options.connectionTimeoutMs ?? 5000,
      requestTimeout: options.requestTimeoutMs ?? 10_000,
      // Without it the SDK only prints a warning and waits on.
      throwOnRequestTimeout: true,
    },
  };
}

/** Both clients share one credential provider, so that the account asked of STS is the account that is asked. */
export function withSts<Service extends SSMClient | IAMClient>(
  service: Service,
  region: string | undefined,
  options: AwsClientOptions,
): AwsClients<Service> {
  const sts = new STSClient({ ...settingsOf(region, options), credentials: service.config.credentials });
  const traffic = new Traffic();
  traffic.watch(service);
  traffic.watch(sts);
  return {
    service,
    sts,
    traffic,
    region: () => service.config.region(),
    loadCredentials: async () => {
      await service.config.credentials();
    },
  };
}
