import { at, textAt } from "../../json/members.ts";
import { listAt, type PlanResource } from "./terraform-plan.ts";

const OF_ACCOUNT = /^arn:(aws[a-z-]*):[^:]*:[^:]*:(\d{12}):/;
const PROVIDER = /arn:(aws[a-z-]*):iam::(\d{12}):oidc-provider\//g;

/**
 * Which account is this plan for, as the beginning of its IAM ARNs (`arn:aws:iam::111122223333`)? Told by
 * `aws_caller_identity`, by roles and policies that are there already, and by the OIDC providers that its roles trust,
 * which are of the role's own account; null where they tell nothing, or not the same.
 */
export function accountOfPlan(plan: unknown, resources: readonly PlanResource[]): string | null {
  const found = new Set<string>();
  const add = (match: RegExpMatchArray | null): void => {
    if (match !== null) found.add(`arn:${match[1]}:iam::${match[2]}`);
  };
  for (const { type, values } of resources) {
    if (type.startsWith("aws_iam_")) add(OF_ACCOUNT.exec(textAt(values, "arn") ?? ""));
    if (type === "aws_iam_role")
      for (const match of (textAt(values, "assume_role_policy") ?? "").matchAll(PROVIDER)) add(match);
  }
  for (const values of [at(at(plan, "prior_state"), "values"), at(plan, "planned_values")])
    for (const arn of callersIn(at(values, "root_module"))) add(OF_ACCOUNT.exec(arn));
  const [only, ...others] = found;
  return only === undefined || others.length > 0 ? null : only;
}

function callersIn(module: unknown): readonly string[] {
  const own = listAt(module, "resources")
    .filter((each) => textAt(each, "mode") === "data" && textAt(each, "type") === "aws_caller_identity")
    .map((each) => textAt(at(each, "values"), "arn") ?? "");
  return [...own, ...listAt(module, "child_modules").flatMap(callersIn)];
}
