import { textAt } from "../../json/members.ts";
import { below, isFlaw, readPolicyFact, shortName, type PolicyFact, type Spot } from "./policy-fact.ts";
import type { RawFacts } from "./raw-facts.ts";
import { listAt, planKey, planned, referenced, textOf, type PlanResource, type Replaced } from "./terraform-plan.ts";

/** What a role has been given; `doubts` say what is not known of it. */
export interface Given {
  readonly inline: readonly PolicyFact[];
  readonly attached: readonly string[];
  readonly doubts: readonly string[];
}

/** Roles by their names, or by their addresses; several where one of them is meant, and null where any may be. */
type Target = { readonly names: readonly string[] } | { readonly addresses: readonly string[] } | null;

interface Attachment {
  readonly address: string;
  readonly target: Target;
  /** A policy, the key of a managed one, or null where only applying tells which. */
  readonly given: PolicyFact | string | null;
  readonly policyName: string | null;
}

/** Of what may be attached to a role: one is enough for a doubt. */
const MOST_NAMED = 20;
const OF_ROLE = new Set(["aws_iam_role_policy", "aws_iam_role_policy_attachment"]);
const EXCLUSIVE = new Set(["aws_iam_role_policies_exclusive", "aws_iam_role_policy_attachments_exclusive"]);

/** Which policies does a plan give to its roles, by attachments and by the roles themselves? */
export class Attachments {
  readonly #resources: readonly PlanResource[];
  readonly #replaced: readonly Replaced[];
  readonly #facts: RawFacts;
  readonly #all: readonly Attachment[];

  constructor(resources: readonly PlanResource[], replaced: readonly Replaced[], facts: RawFacts) {
    this.#resources = resources;
    this.#replaced = replaced;
    this.#facts = facts;
    this.#all = resources.flatMap((resource) => this.#read(resource));
  }

  /** Key of the policy that an argument names: its ARN, or the address of one that the plan makes. */
  policyKey(resource: PlanResource, argument: string): string | null {
    const found = referenced(resource, argument, { type: "aws_iam_policy", among: this.#resources });
    return textOf(resource, argument) ?? (found?.length === 1 ? planKey(found[0] as PlanResource) : null);
  }

  of(role: PlanResource, name: string): Given {
    const own = this.#ownOf(role, name);
    const mine = this.#all.filter(({ target }) => isMeant(target, role, name));
    const sure = mine.filter(({ target }) => target !== null && ("names" in target || target.addresses.length === 1));
    const unsure = mine.filter((each) => !sure.includes(each) || each.given === null);
    const given = sure.map((each) => each.given);
    return {
      inline: [...own.inline, ...given.filter((each) => typeof each === "object" && each !== null)],
      attached: [...own.attached, ...given.filter((each) => typeof each === "string")],
      doubts: [
        ...own.doubts,
        ...unsure.slice(0, MOST_NAMED).map(({ address }) => `what ${address} gives, known after apply`),
      ],
    };
  }

  /** Names of roles that the plan gives something, or takes it from them, and does not make. */
  strangers(): readonly string[] {
    const known = new Set(
      this.#resources.filter(({ type }) => type === "aws_iam_role").map((role) => textOf(role, "name")),
    );
    const named = this.#all.flatMap(({ target }) => (target !== null && "names" in target ? target.names : []));
    return [...named, ...this.#replaced.flatMap(roleNamesOf)].filter((name) => !known.has(name));
  }

  #read(resource: PlanResource): readonly Attachment[] {
    const { type, address } = resource;
    if (type === "aws_iam_role_policy") {
      const name = textOf(resource, "name");
      const label = `policy ${shortName(name ?? address)}`;
      const given = this.#policy(below(resource.spot, "policy"), textOf(resource, "policy"), label);
      return [{ address, target: this.#target(resource, "role"), given, policyName: name }];
    }
    const given = (): string | null => this.policyKey(resource, "policy_arn");
    if (type === "aws_iam_role_policy_attachment")
      return [{ address, target: this.#target(resource, "role"), given: given(), policyName: null }];
    if (type !== "aws_iam_policy_attachment") return [];
    const roles = planned(resource, "roles");
    if (roles === "unset") return [];
    const names = roles === "unknown" || !Array.isArray(roles.value) ? null : { names: roles.value.map(String) };
    return [{ address, target: names, given: given(), policyName: null }];
  }

  #target(resource: PlanResource, argument: string): Target {
    const name = textOf(resource, argument);
    if (name !== null) return { names: [name] };
    const found = referenced(resource, argument, { type: "aws_iam_role", among: this.#resources });
    return found === null ? null : { addresses: found.map(({ address }) => address) };
  }

  /** Null where it is not known, or AWS would not take it. */
  #policy(spot: Spot, text: string | null, label: string): PolicyFact | null {
    if (text === null) return null;
    const read = readPolicyFact(spot, text, { label, use: "identity" });
    if (!isFlaw(read)) return read;
    this.#facts.flaws.push(read);
    return null;
  }

  /** What the role itself tells, which for one that is there already is how it is before the plan's changes. */
  #ownOf(role: PlanResource, name: string): Given {
    const [blocks, arns] = [planned(role, "inline_policy"), planned(role, "managed_policy_arns")];
    const doubts = [blocks, arns].includes("unknown") ? [`policies of ${role.address}, known after apply`] : [];
    // A new role has nothing that could be taken away.
    if (!role.isCreated) doubts.push(...this.#exclusiveOf(name).map(({ address }) => `what ${address} takes away`));
    const inline: PolicyFact[] = [];
    for (const [index, block] of listIn(blocks).entries()) {
      const [policyName, text] = [textAt(block, "name") ?? "", textAt(block, "policy") ?? ""];
      // An empty block says that there shall be none.
      if (text === "" || this.#isManagedElsewhere(name, policyName)) continue;
      const spot = below(role.spot, "inline_policy", index, "policy");
      const policy = this.#policy(spot, text, `policy ${shortName(policyName)}`);
      if (policy === null) doubts.push(`policy ${shortName(policyName)} of ${role.address}`);
      else inline.push(policy);
    }
    const attached = listIn(arns).map(String);
    return { inline, attached: attached.filter((arn) => !this.#isTakenAway(name, arn)), doubts };
  }

  /** Is this inline policy a resource of its own, whose planned text counts, or one that the plan takes away? */
  #isManagedElsewhere(role: string, policy: string): boolean {
    const isPlanned = this.#all.some(
      ({ target, policyName }) =>
        policyName === policy && target !== null && "names" in target && target.names[0] === role,
    );
    return (
      isPlanned ||
      this.#before("aws_iam_role_policy").some(
        (each) => textAt(each, "role") === role && textAt(each, "name") === policy,
      )
    );
  }

  /** Such a resource takes from a role what it does not list. */
  #exclusiveOf(role: string): readonly PlanResource[] {
    return this.#resources.filter((each) => EXCLUSIVE.has(each.type) && (textOf(each, "role_name") ?? role) === role);
  }

  #isTakenAway(role: string, arn: string): boolean {
    const ofOne = this.#before("aws_iam_role_policy_attachment").some(
      (each) => textAt(each, "role") === role && textAt(each, "policy_arn") === arn,
    );
    const ofMany = this.#before("aws_iam_policy_attachment").some(
      (each) => listAt(each, "roles").includes(role) && textAt(each, "policy_arn") === arn,
    );
    return ofOne || ofMany;
  }

  #before(type: string): readonly unknown[] {
    return this.#replaced.filter((each) => each.type === type).map(({ before }) => before);
  }
}

/** The roles that a resource is about which the plan changes or takes away, as it is now. */
function roleNamesOf({ type, before }: Replaced): readonly string[] {
  if (type === "aws_iam_policy_attachment") return listAt(before, "roles").map(String);
  const argument = type === "aws_iam_role" ? "name" : OF_ROLE.has(type) ? "role" : null;
  const name = argument === null ? null : textAt(before, argument);
  return name === null ? [] : [name];
}

function isMeant(target: Target, role: PlanResource, name: string): boolean {
  if (target === null) return true;
  return "names" in target ? target.names.includes(name) : target.addresses.includes(role.address);
}

function listIn(value: ReturnType<typeof planned>): readonly unknown[] {
  return typeof value === "object" && Array.isArray(value.value) ? value.value : [];
}
