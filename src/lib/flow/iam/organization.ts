import type { FactDocument } from "../document.ts";
import { at, isJsonObject, textAt } from "../../json/members.ts";
import { flaw } from "../flaw.ts";
import { below, isFlaw, readPolicyFact, shortName, type Spot } from "./policy-fact.ts";
import type { RawFacts } from "./raw-facts.ts";

/** Is this the JSON of `aws organizations describe-policy`? */
export function isOrganizationPolicy(value: unknown): boolean {
  return isJsonObject(at(at(value, "Policy"), "PolicySummary"));
}

/**
 * Adds a service control policy. Which accounts and units it is attached to it does not say: it counts for all.
 * https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribePolicy.html
 */
export function addOrganizationPolicy(document: FactDocument, facts: RawFacts): void {
  const spot: Spot = { document, path: ["Policy", "Content"] };
  const policy = at(document.value, "Policy");
  const summary = at(policy, "PolicySummary");
  const name = shortName(textAt(summary, "Name") ?? textAt(summary, "Id") ?? "without a name");
  const type = textAt(summary, "Type");
  if (type !== "SERVICE_CONTROL_POLICY") {
    const said = `policy ${name} is no service control policy; policies of other types are not judged`;
    facts.flaws.push(flaw(below({ document, path: [] }, "Policy"), said));
    return void facts.doubts.push(`what ${name} denies, a policy of the organization that is not judged`);
  }
  const read = readPolicyFact(spot, at(policy, "Content"), {
    label: `service control policy ${name}`,
    use: "identity",
  });
  if (!isFlaw(read)) return void facts.controls.push(read);
  facts.flaws.push(read);
  facts.doubts.push(`a service control policy ${name} that can be read`);
}
