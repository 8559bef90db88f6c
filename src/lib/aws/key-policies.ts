import { kmsKeyFor } from "./kms-key.ts";
import { partitionOf } from "./partition.ts";
import { prunedPath } from "../stores/ssm-tombstones.ts";

/** Who a policy is for. */
export const POLICY_KINDS = ["issuer", "reader", "oncall", "pruner", "external-secrets", "guard"] as const;
export type PolicyKind = (typeof POLICY_KINDS)[number];

/** The store that policies are about, and whom they name. */
export interface PolicyFacts {
  readonly path: string;
  readonly region: string;
  /** Twelve digits. */
  readonly account: string;
  /** Key id, ARN or alias; null for AWS's own key, which needs no right. */
  readonly kmsKeyId: string | null;
  /** For an issuer the roles whose keys it may make; for External Secrets those whose folders it renders, none for all. */
  readonly roles: readonly string[];
  /** For the guard: ARN of the role that prunes; `*` stands for any text. Null for none. */
  readonly prunerArn: string | null;
}

export interface PolicyStatement {
  readonly Sid: string;
  readonly Effect: "Allow" | "Deny";
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

/** An IAM policy document (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html). */
export interface PolicyDocument {
  readonly Version: "2012-10-17";
  readonly Statement: readonly PolicyStatement[];
}

/**
 * The rights that one kind of person or machine needs for this store, and no others. Whoever may put is denied to
 * overwrite, to delete, and to put parameters that delete themselves: nothing that was revoked may come back.
 * @throws AppError invalid, kms_key_invalid
 */
export function policyFor(kind: PolicyKind, facts: PolicyFacts): PolicyDocument {
  return { Version: "2012-10-17", Statement: STATEMENTS[kind](facts) };
}

const STATEMENTS: Readonly<Record<PolicyKind, (facts: PolicyFacts) => readonly PolicyStatement[]>> = {
  issuer: (facts) => {
    const folders = facts.roles.map((role) => arnOf(facts, `${facts.path}/${role}`));
    const entries = folders.map((folder) => `${folder}/*`);
    return [
      allow("MakeAndEndKeysOfTheseRoles", ["ssm:PutParameter", "ssm:GetParameters"], entries),
      allow("ListTheseRoles", ["ssm:GetParametersByPath"], [...folders, ...entries]),
      ...useKey(facts, ["kms:Encrypt", "kms:Decrypt"], entries),
      ...neverTakeBack(facts),
    ];
  },
  reader: (facts) => [...read(facts), ...useKey(facts, ["kms:Decrypt"], [everything(facts), pruned(facts)])],
  oncall: (facts) => [
    ...read(facts),
    allow("RevokeAnyKey", ["ssm:PutParameter"], [arnOf(facts, `${facts.path}/*.revoked`)]),
    ...useKey(facts, ["kms:Encrypt", "kms:Decrypt"], [everything(facts), pruned(facts)]),
    ...neverTakeBack(facts),
  ],
  pruner: (facts) => [
    ...read(facts),
    allow("DeleteKeysThatEnded", ["ssm:DeleteParameters"], [everything(facts)]),
    allow("KeepWhatWasDeleted", ["ssm:PutParameter", "ssm:GetParameters"], [pruned(facts)]),
    ...useKey(facts, ["kms:Encrypt", "kms:Decrypt"], [everything(facts), pruned(facts)]),
    ...neverOverwrite([everything(facts), pruned(facts)]),
    deny("NeverForget", ["ssm:DeleteParameter", "ssm:DeleteParameters"], [pruned(facts)]),
  ],
  "external-secrets": (facts) => {
    const folders =
      facts.roles.length === 0
        ? [arnOf(facts, facts.path)]
        : facts.roles.map((role) => arnOf(facts, `${facts.path}/${role}`));
    const entries = folders.map((folder) => `${folder}/*`);
    return [
      allow("RenderKeys", ["ssm:GetParametersByPath"], [...folders, ...entries]),
      ...useKey(facts, ["kms:Decrypt"], entries),
    ];
  },
  guard: (facts) => {
    const all = [everything(facts), pruned(facts)];
    const unlessPruner = facts.prunerArn === null ? {} : condition("ArnNotLike", "aws:PrincipalArn", facts.prunerArn);
    return [
      ...neverOverwrite(all),
      {
        ...deny("OnlyThePrunerDeletes", ["ssm:DeleteParameter", "ssm:DeleteParameters"], [everything(facts)]),
        ...unlessPruner,
      },
      deny("NeverForget", ["ssm:DeleteParameter", "ssm:DeleteParameters"], [pruned(facts)]),
    ];
  },
};

/** DescribeParameters knows no narrower resource; without it, who made a key and why is not shown. */
function read(facts: PolicyFacts): readonly PolicyStatement[] {
  const { path } = facts;
  const all = [arnOf(facts, path), everything(facts), arnOf(facts, prunedPath(path)), pruned(facts)];
  return [
    allow("ReadAllKeys", ["ssm:GetParametersByPath", "ssm:GetParameters"], all),
    allow("SeeWhoMadeThem", ["ssm:DescribeParameters"], ["*"]),
  ];
}

function neverTakeBack(facts: PolicyFacts): readonly PolicyStatement[] {
  const all = [everything(facts), pruned(facts)];
  return [...neverOverwrite(all), deny("NeverDelete", ["ssm:DeleteParameter", "ssm:DeleteParameters"], all)];
}

/**
 * A parameter with a policy may delete itself, and with it a revocation.
 * https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-policy-conditions.html
 */
function neverOverwrite(resources: readonly string[]): readonly PolicyStatement[] {
  return [
    {
      ...deny("NeverOverwrite", ["ssm:PutParameter"], resources),
      ...condition("StringEquals", "ssm:Overwrite", "true"),
    },
    { ...deny("NeverExpire", ["ssm:PutParameter"], resources), ...condition("StringEquals", "ssm:Policies", "true") },
  ];
}

/**
 * The right to a key of one's own, through Parameter Store and for these parameters alone. An alias is no resource, but a
 * condition. https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html
 */
function useKey(
  facts: PolicyFacts,
  actions: readonly string[],
  parameters: readonly string[],
): readonly PolicyStatement[] {
  const { kmsKeyId, region, account } = facts;
  if (kmsKeyId === null) return [];
  const { resource, alias } = kmsKeyFor(kmsKeyId, { region, account });
  const services = partitionOf(region) === "aws-cn" ? ["amazonaws.com", "amazonaws.com.cn"] : ["amazonaws.com"];
  return [
    {
      ...allow("UseTheKey", actions, [resource]),
      Condition: {
        StringEquals: { "kms:ViaService": services.map((suffix) => `ssm.${region}.${suffix}`) },
        StringLike: { "kms:EncryptionContext:PARAMETER_ARN": parameters },
        ...(alias === null ? {} : { "ForAnyValue:StringEquals": { "kms:ResourceAliases": [alias] } }),
      },
    },
  ];
}

function everything(facts: PolicyFacts): string {
  return arnOf(facts, `${facts.path}/*`);
}

function pruned(facts: PolicyFacts): string {
  return arnOf(facts, `${prunedPath(facts.path)}/*`);
}

function arnOf({ region, account }: PolicyFacts, name: string): string {
  return `arn:${partitionOf(region)}:ssm:${region}:${account}:parameter${name}`;
}

function allow(Sid: string, Action: readonly string[], Resource: readonly string[]): PolicyStatement {
  return { Sid, Effect: "Allow", Action, Resource };
}

function deny(Sid: string, Action: readonly string[], Resource: readonly string[]): PolicyStatement {
  return { Sid, Effect: "Deny", Action, Resource };
}

function condition(operator: string, key: string, value: string): Pick<PolicyStatement, "Condition"> {
  return { Condition: { [operator]: { [key]: [value] } } };
}
