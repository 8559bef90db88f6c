import { prunedPath } from "../stores/ssm-tombstones.ts";
import { kmsKeyFor } from "./kms-key.ts";
import { partitionOf } from "./partition.ts";

/** Who a policy is for. */
export const POLICY_KINDS = ["issuer", "reader", "oncall", "pruner", "external-secrets", "guard"] as const;
export type PolicyKind = (typeof POLICY_KINDS)[number];

/** The store that policies are about, and whom they name. */
export interface PolicyFacts {
  readonly path: string;
  readonly region: string;
  /** Twelve digits. */
  readonly account: string;
  /** Key id, key ARN, `alias/name` or alias ARN; null for AWS's own key, which needs no right. */
  readonly kmsKeyId: string | null;
  /** For an issuer: the roles whose keys it may make. For External Secrets: those it may render; none for all. */
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
    const folders = foldersOf(facts);
    const entries = folders.map((folder) => `${folder}/*`);
    return [
      allow("MakeAndEndKeysOfTheseRoles", ["ssm:PutParameter", "ssm:GetParameters"], entries),
      allow("ListTheseRoles", ["ssm:GetParametersByPath"], [...folders, ...entries]),
      allow("SeeWhatWasPruned", ["ssm:GetParametersByPath"], [prunedFolder(facts), pruned(facts)]),
      ...useKey("UseTheKey", facts, ["kms:Encrypt", "kms:Decrypt"], entries),
      ...useKey("DecryptWhatWasPruned", facts, ["kms:Decrypt"], [pruned(facts)]),
      ...neverTakeBack(facts),
    ];
  },
  reader: read,
  oncall: (facts) => {
    const revocations = [arnOf(facts, `${facts.path}/*.revoked`)];
    return [
      ...read(facts),
      allow("RevokeAnyKey", ["ssm:PutParameter"], revocations),
      ...useKey("EncryptRevocations", facts, ["kms:Encrypt"], revocations),
      ...neverTakeBack(facts),
    ];
  },
  pruner: (facts) => [
    ...read(facts),
    allow("DeleteKeysThatEnded", ["ssm:DeleteParameters"], [everything(facts)]),
    allow("KeepWhatWasDeleted", ["ssm:PutParameter"], [pruned(facts)]),
    ...useKey("EncryptWhatWasDeleted", facts, ["kms:Encrypt"], [pruned(facts)]),
    ...neverChange([everything(facts), pruned(facts)]),
    deny("NeverForget", DELETE, [pruned(facts)]),
  ],
  "external-secrets": (facts) => {
    const folders = facts.roles.length === 0 ? [arnOf(facts, facts.path)] : foldersOf(facts);
    const entries = folders.map((folder) => `${folder}/*`);
    return [
      allow("RenderKeys", ["ssm:GetParametersByPath"], [...folders, ...entries]),
      ...useKey("DecryptWithTheKey", facts, ["kms:Decrypt"], entries),
    ];
  },
  guard: (facts) => {
    const unlessPruner = facts.prunerArn === null ? {} : condition("ArnNotLike", "aws:PrincipalArn", facts.prunerArn);
    return [
      ...neverChange([everything(facts), pruned(facts)]),
      { ...deny("OnlyThePrunerDeletes", DELETE, [everything(facts)]), ...unlessPruner },
      deny("NeverForget", DELETE, [pruned(facts)]),
    ];
  },
};

/** DescribeParameters knows no narrower resource; without it, who made a key and why is not shown. */
function read(facts: PolicyFacts): readonly PolicyStatement[] {
  const below = [everything(facts), pruned(facts)];
  const all = [arnOf(facts, facts.path), prunedFolder(facts), ...below];
  return [
    allow("ReadAllKeys", ["ssm:GetParametersByPath", "ssm:GetParameters"], all),
    allow("SeeWhoMadeThem", ["ssm:DescribeParameters"], ["*"]),
    ...useKey("DecryptWithTheKey", facts, ["kms:Decrypt"], below),
  ];
}

const DELETE = ["ssm:DeleteParameter", "ssm:DeleteParameters"] as const;

function neverTakeBack(facts: PolicyFacts): readonly PolicyStatement[] {
  const all = [everything(facts), pruned(facts)];
  return [...neverChange(all), deny("NeverDelete", DELETE, all)];
}

/**
 * A parameter with a policy may delete itself, and with it a revocation; tags may carry rights, and a resource policy
 * shares a parameter with other accounts.
 * https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-policy-conditions.html
 */
function neverChange(resources: readonly string[]): readonly PolicyStatement[] {
  const put = ["ssm:PutParameter"];
  return [
    { ...deny("NeverOverwrite", put, resources), ...condition("StringEquals", "ssm:Overwrite", "true") },
    { ...deny("NeverExpire", put, resources), ...condition("StringEquals", "ssm:Policies", "true") },
    deny("NeverTagOrShare", TAG_OR_SHARE, resources),
  ];
}

const TAG_OR_SHARE = [
  "ssm:AddTagsToResource",
  "ssm:RemoveTagsFromResource",
  "ssm:LabelParameterVersion",
  "ssm:UnlabelParameterVersion",
  "ssm:PutResourcePolicy",
  "ssm:DeleteResourcePolicy",
];

/**
 * The right to a key of one's own, through Parameter Store and for these parameters alone: it encrypts a standard
 * SecureString with kms:Encrypt, and with the parameter's ARN as context.
 * https://docs.aws.amazon.com/systems-manager/latest/userguide/secure-string-parameter-kms-encryption.html
 */
function useKey(
  sid: string,
  facts: PolicyFacts,
  actions: readonly string[],
  parameters: readonly string[],
): readonly PolicyStatement[] {
  const { kmsKeyId, region } = facts;
  if (kmsKeyId === null) return [];
  const { resource, alias } = kmsKeyFor(kmsKeyId, facts);
  const service = `ssm.${region}.amazonaws.com`;
  return [
    {
      ...allow(sid, actions, [resource]),
      Condition: {
        // The suffix in China is not documented; only AWS itself can say either.
        StringEquals: { "kms:ViaService": partitionOf(region) === "aws-cn" ? [service, `${service}.cn`] : [service] },
        StringLike: { "kms:EncryptionContext:PARAMETER_ARN": parameters },
        ...(alias === null ? {} : { "ForAnyValue:StringEquals": { "kms:ResourceAliases": [alias] } }),
      },
    },
  ];
}

function foldersOf(facts: PolicyFacts): readonly string[] {
  return facts.roles.map((role) => arnOf(facts, `${facts.path}/${role}`));
}

function everything(facts: PolicyFacts): string {
  return arnOf(facts, `${facts.path}/*`);
}

function prunedFolder(facts: PolicyFacts): string {
  return arnOf(facts, prunedPath(facts.path));
}

function pruned(facts: PolicyFacts): string {
  return `${prunedFolder(facts)}/*`;
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
