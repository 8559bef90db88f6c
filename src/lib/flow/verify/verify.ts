import { annotatedRoles } from "./annotated-roles.ts";
import { ownIdentities } from "./accounts.ts";
import { waysRound } from "./bypass.ts";
import { networkPolicies } from "./network.ts";
import { awsRights } from "./aws-rights.ts";
import { kubernetesRights } from "./read-only.ts";
import { reachedServers } from "./reached.ts";
import { findingAt, together, verified, type Verified, type VerifySubject } from "./subject.ts";
import { offeredTools } from "./tools.ts";

/** What is promised and not so, and what the facts leave open? */
export function verify(subject: VerifySubject): Verified {
  return together([
    flaws(subject),
    ownIdentities(subject),
    annotatedRoles(subject),
    kubernetesRights(subject),
    awsRights(subject),
    networkPolicies(subject),
    reachedServers(subject),
    waysRound(subject),
    offeredTools(subject),
  ]);
}

/** Facts that cannot be used, for whatever they would have said is not known. */
function flaws({ cluster, iam }: VerifySubject): Verified {
  const found = [...(cluster?.findings ?? []), ...(iam?.findings ?? [])];
  return verified({ findings: found.map(({ place, message, hint }) => findingAt("MC611", place, message, hint)) });
}
