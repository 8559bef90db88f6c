import { runSimulation } from "@cloud-copilot/iam-simulate";
import { describe, expect, it } from "vitest";
import type { RoleFact } from "../../../../src/lib/flow/iam/iam-facts.ts";
import { judgeAsked } from "../../../../src/lib/flow/iam/judge-iam.ts";
import { ask } from "../../../../src/lib/flow/iam/weigh.ts";
import { ACCOUNT, awsRequest, policy, ROLE, statement } from "../../../support/iam-facts.ts";
import { contextOfCase, factsOfCase, randomCase, type RandomCase } from "../../../support/random-iam.ts";

const CASES = 5_000;
const MANY_VALUES = "aws:PrincipalOrgPaths";
const AGREED = new Set(["allow Allowed", "deny ImplicitlyDenied", "deny ExplicitlyDenied"]);
const FULL_ACCESS = { name: "FullAWSAccess", policy: policy(statement({ Action: "*" })) };

function ours(random: RandomCase): string {
  const facts = factsOfCase(random, true);
  const { action, resource } = random.request;
  const asked = ask(
    awsRequest(action, resource),
    contextOfCase(random, () => true),
  );
  return judgeAsked(facts, facts.role(ROLE) as RoleFact, asked).outcome;
}

async function theirs({ inline, boundary, controls, request }: RandomCase): Promise<string> {
  const values = Object.entries(request.context).map(([key, found]) => [
    key,
    key === MANY_VALUES ? [...found] : found[0],
  ]);
  const answer = await runSimulation(
    {
      request: {
        principal: "arn:aws:sts::111122223333:assumed-role/mcp-aws-ro/session",
        action: request.action,
        resource: { resource: request.resource, accountId: ACCOUNT },
        contextVariables: Object.fromEntries(values) as Record<string, string | string[]>,
      },
      identityPolicies: inline.map((each, index) => ({ name: `p${index}`, policy: spelt(each) })),
      // Organizations attaches FullAWSAccess wherever nobody detached it: beside an SCP that only denies, it must be there.
      serviceControlPolicies: controls.map((each, index) => ({
        orgIdentifier: `o${index}`,
        policies: [{ name: `c${index}`, policy: spelt(each) }, ...(onlyDenies(each) ? [FULL_ACCESS] : [])],
      })),
      resourceControlPolicies: [],
      ...(boundary === null ? {} : { permissionBoundaryPolicies: [{ name: "limit", policy: spelt(boundary) }] }),
    },
    { simulationMode: "Strict" },
  );
  return answer.resultType === "error" ? "error" : answer.overallResult;
}

function onlyDenies(document: unknown): boolean {
  return (document as { Statement: { Effect: string }[] }).Statement.every(({ Effect }) => Effect === "Deny");
}

/**
 * "Policy variables were introduced with version 2012-10-17; in earlier versions they are treated as literal strings"
 * (reference_policies_elements_version.html). The other evaluator fills them in all the same, unless told so.
 */
function spelt(document: Readonly<Record<string, unknown>>): unknown {
  if (document["Version"] !== "2008-10-17") return document;
  return JSON.parse(JSON.stringify(document).replaceAll("${", "${$}{"));
}

/** Why there is no answer where the other evaluator has one; null where there must be one. */
function whyUnknown({ inline, boundary, controls, request }: RandomCase): string | null {
  const texts = [...inline, ...controls, boundary]
    .map((each) => JSON.stringify(each))
    .filter((text) => text.includes("2012"));
  // "If AWS can't resolve a variable, this might cause the entire statement to be invalid" (reference_policies_variables.html).
  if (texts.some((text) => text.includes("${aws:PrincipalTag/team}")) && !("aws:PrincipalTag/team" in request.context))
    return "unknown: a variable without a value";
  // "You can't use a variable to replace parts of the ARN before the fifth colon" (the same): what it means then, nobody says.
  if (texts.some((text) => text.includes("arn:aws:sqs:*:${")) && request.action.startsWith("sqs:"))
    return "unknown: a variable for an account";
  // The registry's `*` stands for resources that are not named there: what holds of some of them is not known.
  return request.resource === "*" ? "unknown: no resource" : null;
}

describe("the judge of IAM", () => {
  it("agrees with another evaluator on policies and requests of every kind", async () => {
    const seen: Record<string, number> = {};
    const wrong: unknown[] = [];
    for (let seed = 0; seed < CASES; seed += 1) {
      const random = randomCase(seed);
      const [mine, other] = [ours(random), await theirs(random)];
      const answer = `${mine} ${other}`;
      const why = AGREED.has(answer) ? answer : mine === "unknown" && other !== "error" ? whyUnknown(random) : null;
      if (why === null) wrong.push({ seed, mine, other, random });
      else seen[why] = (seen[why] ?? 0) + 1;
    }
    expect(wrong.slice(0, 3)).toEqual([]);
    expect(seen).toEqual({
      "allow Allowed": 767,
      "deny ExplicitlyDenied": 657,
      "deny ImplicitlyDenied": 3_208,
      "unknown: a variable for an account": 40,
      "unknown: a variable without a value": 123,
      "unknown: no resource": 205,
    });
  }, 60_000);
});
