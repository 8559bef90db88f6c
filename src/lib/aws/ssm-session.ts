import { SSMClient } from "@aws-sdk/client-ssm";
import { type MakeClients, settingsOf, withSts } from "./clients.ts";
import { type AwsPin, type AwsSession, type AwsSessionDeps, openAwsSession } from "./session.ts";

export type SsmSession = AwsSession<SSMClient>;

const makeSsmClients: MakeClients<SSMClient> = (region, options) =>
  withSts(new SSMClient(settingsOf(region, options)), region, options);

/** Parameter Store of the pinned account and region; nothing is sent before the first call. */
export function openSsmSession(pin: AwsPin, deps: AwsSessionDeps): SsmSession {
  return openAwsSession(pin, deps, makeSsmClients);
}
