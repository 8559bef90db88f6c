import { listSome } from "../../list-some.ts";
import type { AwsRequest, ServiceAccount } from "../requests.ts";
import { unknownVerdict, type Verdict } from "../verdict.ts";
import type { RoleFact } from "./iam-facts.ts";
import { hitText, missingOf, placeOf } from "./iam-words.ts";
import type { PodFacts } from "./judge-trust.ts";
import { shortName } from "./policy-fact.ts";
import type { Hit, Weighed } from "./weigh.ts";

/** A ServiceAccount that wants to become a role. */
export interface Becoming {
  readonly role: RoleFact;
  readonly account: ServiceAccount;
  readonly pod: PodFacts;
  /** Is a statement that is not there not there? */
  readonly isComplete: boolean;
}

interface Refused {
  readonly found: Weighed;
  readonly request: AwsRequest;
  /** Who is not trusted. */
  readonly who: string;
}

/** Of a trust policy that does not surely accept: no where it denies, or surely says nothing; else unknown. */
export function noTrust({ role, isComplete }: Becoming, { found, request, who }: Refused): Verdict {
  if (found.denies !== null) return deny("explicit_deny", hitText(found.denies), found.denies);
  const maybe = found.mayDeny ?? found.mayAllow;
  if (maybe !== null) return unsure(maybe);
  const text = `the trust policy of role ${shortName(role.name)} does not accept ${who} for ${request.action}`;
  if (isComplete)
    return { ...deny("no_trust_statement", text, null), place: role.trust?.placeOf(null) ?? role.place() };
  const missing = `whether this is the whole trust policy of role ${shortName(role.name)} (a snapshot, or policy.complete: true)`;
  return unknownVerdict("facts_incomplete", text, [missing]);
}

function deny(reason: string, text: string, hit: Hit | null): Verdict {
  const place = hit === null ? null : placeOf(hit);
  return { outcome: "deny", reason, text, place, source: "file", missing: [] };
}

function unsure(hit: Hit): Verdict {
  const depends = listSome([...hit.keys.map(shortName), ...hit.doubts], 3);
  return {
    outcome: "unknown",
    reason: "depends_on_context",
    text: `whether ${hitText(hit)} depends on ${depends}`,
    place: placeOf(hit),
    source: "file",
    missing: missingOf(hit),
  };
}

/** Of a role whose trust policy is not known. */
export function unsureTrust({ name }: RoleFact): Verdict {
  const text = `the trust policy of role ${shortName(name)} is not known`;
  return unknownVerdict("facts_incomplete", text, [`a trust policy of role ${shortName(name)} that can be read`]);
}
