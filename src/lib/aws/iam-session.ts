import { IAMClient } from "@aws-sdk/client-iam";
import { type MakeClients, settingsOf, withSts } from "./clients.ts";
import { type AwsPin, type AwsSession, type AwsSessionDeps, openAwsSession } from "./session.ts";

export type IamSession = AwsSession<IAMClient>;

const makeIamClients: MakeClients<IAMClient> = (region, options) =>
  withSts(new IAMClient(settingsOf(region, options)), region, options);

/** IAM of the pinned account; nothing is sent before the first call. */
export function openIamSession(pin: AwsPin, deps: AwsSessionDeps = {}): IamSession {
  return openAwsSession(pin, deps, makeIamClients);
}
