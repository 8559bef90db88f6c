import type { Flaw } from "../flaw.ts";
import type { PolicyFact, Spot } from "./policy-fact.ts";

/** A role as one document tells it; managed policies are named and not yet found. */
export interface RawRole {
  readonly arn: string;
  readonly name: string;
  /** Null where nobody told. */
  readonly tags: ReadonlyMap<string, string> | null;
  /** Null where it is not known or cannot be used. */
  readonly trust: PolicyFact | null;
  readonly inline: readonly PolicyFact[];
  /** ARNs, or for policies that a plan makes, their addresses there. */
  readonly attached: readonly string[];
  readonly boundary: string | null;
  /** What is not known of its permissions: each a sentence without a full stop. */
  readonly doubts: readonly string[];
  readonly spot: Spot;
}

/** A managed policy, by ARN or address; `policy` null where it cannot be used. */
export interface RawManaged {
  readonly key: string;
  readonly name: string;
  readonly policy: PolicyFact | null;
  readonly spot: Spot;
}

/** An EKS Pod Identity association. */
export interface Association {
  readonly cluster: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Null where the document does not tell (`list-pod-identity-associations`). */
  readonly roleArn: string | null;
  /** Another role, which EKS assumes with the first one; null for none. */
  readonly targetRoleArn: string | null;
  /** Does EKS tag the session with namespace, service account and so on? */
  readonly hasSessionTags: boolean;
  /** A policy in the association itself, which limits the session. */
  readonly hasPolicy: boolean;
  readonly spot: Spot;
}

/** What `mcpctl snapshot` says of itself, as `mcpctl` beside the lists. */
export interface AccountMark {
  readonly version: 1;
  readonly takenAt: string;
  readonly account: string;
  readonly isComplete: boolean;
}

/** What all documents tell together, before policies and roles are brought together. */
export class RawFacts {
  readonly roles: RawRole[] = [];
  readonly managed: RawManaged[] = [];
  readonly controls: PolicyFact[] = [];
  readonly associations: Association[] = [];
  readonly marks: AccountMark[] = [];
  readonly flaws: Flaw[] = [];
  /** What may deny anything to anybody, and cannot be read. */
  readonly doubts: string[] = [];
  /** Names of roles to which a plan attaches policies without making the role, and the plan's file. */
  readonly changed = new Map<string, string>();
  /** Names of roles that a plan makes in an account that it does not tell, and the plan's file. */
  readonly unplaced = new Map<string, string>();
  /** Accounts of which there are snapshots of several times: what one has and another has not nobody can tell. */
  readonly ambiguous = new Set<string>();
  /** Pages that were followed by others, and last pages. */
  readonly pages = { open: 0, last: 0 };
}
