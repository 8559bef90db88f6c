import type { FactDocument } from "../document.ts";
import { at } from "../../json/members.ts";
import { flaw } from "../flaw.ts";
import { below, isFlaw, readPolicyFact, shortName, type PolicyFact } from "./policy-fact.ts";
import type { RawFacts, RawRole } from "./raw-facts.ts";
import { accountOfPlan } from "./terraform-account.ts";
import { Attachments } from "./terraform-attachments.ts";
import {
  planKey,
  planned,
  plannedResources,
  referenced,
  replacedResources,
  textOf,
  type PlanResource,
} from "./terraform-plan.ts";

/**
 * Adds the roles, policies and Pod Identity associations that a plan leads to. What only applying tells is not known,
 * and so are answers that depend on it.
 */
export function addTerraformPlan(document: FactDocument, facts: RawFacts): void {
  if (at(document.value, "errored") === true || at(document.value, "complete") === false) {
    facts.flaws.push(flaw({ document, path: [] }, "this plan does not tell all, by its own words: make it again"));
    facts.doubts.push(`all that ${document.file} would do, a plan that does not tell all`);
  }
  const resources = plannedResources(document);
  for (const resource of ofType(resources, "aws_iam_policy")) addManaged(resource, facts);
  const attachments = new Attachments(resources, replacedResources(document.value), facts);
  const account = accountOfPlan(document.value, resources);
  const arns = new Map(ofType(resources, "aws_iam_role").map((role) => [role.address, arnOf(role, account)]));
  for (const role of ofType(resources, "aws_iam_role")) {
    const [arn, name] = [arns.get(role.address) ?? null, textOf(role, "name")];
    if (arn !== null) facts.roles.push(readRole(role, arn, { attachments, facts }));
    else facts.unplaced.set(name ?? "", document.file);
  }
  for (const name of attachments.strangers()) facts.changed.set(name, document.file);
  for (const each of ofType(resources, "aws_eks_pod_identity_association"))
    addAssociation(each, { arns, resources, facts });
}

function ofType(resources: readonly PlanResource[], type: string): readonly PlanResource[] {
  return resources.filter((resource) => resource.type === type);
}

/** As planned, or as it will be made of the account, if the plan tells that. */
function arnOf(role: PlanResource, account: string | null): string | null {
  const [arn, name, path] = [textOf(role, "arn"), textOf(role, "name"), planned(role, "path")];
  if (arn !== null || name === null || account === null || path === "unknown") return arn;
  const folder = path === "unset" ? "/" : path.value;
  return typeof folder === "string" ? `${account}:role${folder}${name}` : null;
}

function addManaged(resource: PlanResource, facts: RawFacts): void {
  const name = textOf(resource, "name") ?? resource.address;
  const policy = readPlanned(resource, "policy", facts, { label: `policy ${shortName(name)}`, use: "identity" });
  const { spot } = resource;
  facts.managed.push({ key: planKey(resource), name, policy, spot });
  const arn = textOf(resource, "arn");
  if (arn !== null) facts.managed.push({ key: arn, name, policy, spot });
}

/** Null where only applying tells, or where AWS would not take it, which is then told. */
function readPlanned(
  resource: PlanResource,
  argument: string,
  facts: RawFacts,
  about: Parameters<typeof readPolicyFact>[2],
): PolicyFact | null {
  const value = planned(resource, argument);
  if (typeof value !== "object") return null;
  const read = readPolicyFact(below(resource.spot, argument), value.value, about);
  if (!isFlaw(read)) return read;
  facts.flaws.push(read);
  return null;
}

interface Around {
  readonly attachments: Attachments;
  readonly facts: RawFacts;
}

function readRole(role: PlanResource, arn: string, { attachments, facts }: Around): RawRole {
  const name = textOf(role, "name") ?? role.address;
  const about = { label: `trust policy of role ${shortName(name)}`, use: "trust" } as const;
  const given = attachments.of(role, name);
  const doubts = [...given.doubts];
  const boundary = boundaryOf(role, attachments);
  if (boundary === "unknown") doubts.push(`the permissions boundary of ${role.address}, known after apply`);
  return {
    arn,
    name,
    doubts,
    spot: role.spot,
    tags: tagsOf(role),
    trust: readPlanned(role, "assume_role_policy", facts, about),
    inline: given.inline,
    attached: given.attached,
    boundary: boundary === "unknown" ? null : boundary,
  };
}

function boundaryOf(role: PlanResource, attachments: Attachments): string | null {
  const value = planned(role, "permissions_boundary");
  if (value === "unset") return null;
  if (typeof value === "object") return typeof value.value === "string" && value.value !== "" ? value.value : null;
  return attachments.policyKey(role, "permissions_boundary") ?? "unknown";
}

function tagsOf(role: PlanResource): ReadonlyMap<string, string> | null {
  const value = planned(role, "tags_all");
  if (typeof value !== "object" || typeof value.value !== "object" || value.value === null) return null;
  const pairs = Object.entries(value.value).filter((pair): pair is [string, string] => typeof pair[1] === "string");
  return new Map(pairs);
}

interface AroundAssociation {
  readonly arns: ReadonlyMap<string, string | null>;
  readonly resources: readonly PlanResource[];
  readonly facts: RawFacts;
}

function addAssociation(each: PlanResource, { arns, resources, facts }: AroundAssociation): void {
  const [cluster, namespace] = [textOf(each, "cluster_name"), textOf(each, "namespace")];
  const serviceAccount = textOf(each, "service_account");
  if (cluster === null || namespace === null || serviceAccount === null) return;
  const roles = referenced(each, "role_arn", { type: "aws_iam_role", among: resources });
  const [target, tags, policy] = ["target_role_arn", "disable_session_tags", "policy"].map((name) =>
    at(each.values, name),
  );
  facts.associations.push({
    cluster,
    namespace,
    serviceAccount,
    spot: each.spot,
    roleArn: textOf(each, "role_arn") ?? (roles?.length === 1 ? (arns.get(roles[0]?.address ?? "") ?? null) : null),
    targetRoleArn: typeof target === "string" ? target : null,
    hasSessionTags: tags !== true,
    hasPolicy: (policy ?? null) !== null || at(each.unknown, "policy") === true,
  });
}
