import type { FactDocument } from "../document.ts";
import { at, isJsonObject, textAt } from "../../json/members.ts";
import { flaw } from "../flaw.ts";
import { below, type Spot } from "./policy-fact.ts";
import type { RawFacts } from "./raw-facts.ts";

/** Is this the JSON of `aws eks describe-pod-identity-association`, or of its `list-...`? */
export function isPodIdentity(value: unknown): boolean {
  return isJsonObject(at(value, "association")) || Array.isArray(at(value, "associations"));
}

/**
 * Adds associations; those of a list tell no role.
 * https://docs.aws.amazon.com/eks/latest/APIReference/API_PodIdentityAssociation.html
 */
export function addPodIdentity(document: FactDocument, facts: RawFacts): void {
  const top: Spot = { document, path: [] };
  const one = at(document.value, "association");
  if (isJsonObject(one)) return addAssociation(below(top, "association"), one, facts);
  const list = at(document.value, "associations") as readonly unknown[];
  for (const [index, each] of list.entries()) addAssociation(below(top, "associations", index), each, facts);
}

function addAssociation(spot: Spot, value: unknown, facts: RawFacts): void {
  const [cluster, namespace] = [textAt(value, "clusterName"), textAt(value, "namespace")];
  const serviceAccount = textAt(value, "serviceAccount");
  if (cluster === null || namespace === null || serviceAccount === null) {
    const said = "this association names no clusterName, namespace or serviceAccount";
    return void facts.flaws.push(flaw(spot, said));
  }
  facts.associations.push({
    cluster,
    namespace,
    serviceAccount,
    roleArn: textAt(value, "roleArn"),
    targetRoleArn: textAt(value, "targetRoleArn"),
    hasSessionTags: at(value, "disableSessionTags") !== true,
    hasPolicy: (at(value, "policy") ?? null) !== null,
    spot,
  });
}
