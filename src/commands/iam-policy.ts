import { Argument, Option, type Command } from "commander";
import { POLICY_KINDS, policyFor, type PolicyKind } from "../lib/aws/key-policies.ts";
import { currentContext, type SsmStoreConfig } from "../lib/config/config.ts";
import { AppError } from "../lib/errors.ts";
import { isRoleName, NAME_RULES } from "../lib/names.ts";
import { checkSsmPath } from "../lib/stores/ssm-limits.ts";
import { withExamples, type Cli } from "./cli.ts";
import { storeWords } from "./context/store-words.ts";
import { loadRoleNames } from "./keys/role-names.ts";
import type { Ports } from "./ports.ts";
import type { Result } from "./result.ts";

export interface IamPolicyOptions {
  readonly kind: PolicyKind;
  readonly role?: readonly string[];
  readonly pruner?: string;
}

/** What IAM takes of a managed policy, white space not counted. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
const MAX_POLICY_CHARACTERS = 6144;
/** `aws:PrincipalArn` is the role's own ARN, also in a session of it. */
const ARN = /^arn:aws[a-z-]*:iam::(?:\d{12}|\*):(?:role|user)\/[A-Za-z0-9+=,.@_*/-]{1,512}$/;

const WHAT: Readonly<Record<PolicyKind, string>> = {
  issuer: "Whoever has it may make, rotate and revoke keys of the roles named, and read those, and nothing else.",
  reader: "Whoever has it may read every key's hash, record and history, and change nothing.",
  oncall: "Whoever has it may read everything and revoke any key, and nothing else.",
  pruner: "Whoever has it may read everything, delete entries, and keep what was deleted in mind.",
  "external-secrets": "Whoever has it may render keys into a Secret.",
  guard: "It denies everybody to overwrite, and everybody but the pruner to delete, and allows nothing.",
};

export function registerIamPolicy(program: Command, cli: Cli, run = iamPolicy): void {
  const command = program
    .command("iam-policy")
    .summary("print the IAM policy that somebody needs for the store")
    .description(
      `Print the least IAM policy for one of: ${POLICY_KINDS.join(", ")}. The role is a folder of the parameter's name, so\n` +
        "that IAM itself keeps a team to the keys of its roles.",
    )
    .addArgument(new Argument("<kind>", "whom it is for").choices(POLICY_KINDS))
    .option(
      "--role <role>",
      "for an issuer, a role whose keys it may make; for external-secrets, one whose folder it renders; may be repeated",
      (role: string, roles: readonly string[] | undefined) => [...(roles ?? []), role],
    )
    .option("--pruner <arn>", "for the guard: ARN of the role that prunes, `*` for any text")
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["json"]))
    .action(async (kind: PolicyKind, options: Omit<IamPolicyOptions, "kind">) =>
      cli.show(await run({ ...options, kind }, cli.ports), "json"),
    );
  withExamples(
    command,
    "mcpctl iam-policy issuer --role dev-readonly > issuer.json",
    "mcpctl iam-policy oncall --context prod",
  );
}

export async function iamPolicy(options: IamPolicyOptions, ports: Pick<Ports, "config" | "label">): Promise<Result> {
  const { kind } = options;
  const roles = readRoles(options);
  const prunerArn = readPruner(options);
  const { name, store } = currentContext(await ports.config());
  if (store.type !== "ssm")
    throw new AppError(
      "invalid",
      "store_not_ssm",
      `context ${name} keeps its keys in a file, which IAM does not guard`,
      {
        hint: "Name a context whose store is ssm with --context.",
      },
    );
  const { path, region, account } = store;
  checkSsmPath(path);
  const policy = policyFor(kind, { path, region, account, kmsKeyId: store.kmsKeyId ?? null, roles, prunerArn });
  const characters = JSON.stringify(policy).length;
  if (characters > MAX_POLICY_CHARACTERS)
    throw new AppError("invalid", "policy_too_large", `the policy has ${characters} characters, and IAM takes 6144`, {
      hint: roles.length > 1 ? "Make several, each for some of the roles." : "Shorten the store's path.",
    });
  return {
    view: { data: policy },
    notes: [
      `Context ${name}: ${storeWords(store, ports.label)}. ${WHAT[kind]}`,
      ...(await unknownRoles(roles, ports)),
      ...cautions(kind, store),
      ...howToAttach(kind),
    ],
  };
}

function howToAttach(kind: PolicyKind): readonly string[] {
  if (kind !== "guard")
    return [`To make it: aws iam create-policy --policy-name mcpctl-${kind} --policy-document file://FILE`];
  return [
    "To make it a service control policy: aws organizations create-policy --type SERVICE_CONTROL_POLICY --name mcpctl-guard --description mcpctl --content file://FILE",
    "Beside other policies of an identity it works as well; as a permissions boundary it would take every right.",
  ];
}

/** A policy may come before its role; a misspelt one opens a folder that nobody reads. */
async function unknownRoles(roles: readonly string[], ports: Pick<Ports, "config" | "label">) {
  if (roles.length === 0) return [];
  const { names, notes } = await loadRoleNames(ports);
  if (names === null) return notes;
  return roles.filter((role) => !names.has(role)).map((role) => `Warning: the role file has no role ${role}.`);
}

/** https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-restrict-decryption.html */
function cautions(kind: PolicyKind, { kmsKeyId }: SsmStoreConfig): readonly string[] {
  if (kind === "guard" || kmsKeyId !== undefined) return [];
  return ["The context names no kmsKeyId: AWS's own key decrypts for every identity of the account."];
}

function readRoles({ kind, role: roles = [] }: IamPolicyOptions): readonly string[] {
  if (kind === "issuer" && roles.length === 0)
    throw new AppError("usage", "option_missing", "--role must be given: an issuer makes keys of certain roles", {
      hint: "For example: mcpctl iam-policy issuer --role dev-readonly",
    });
  if (kind !== "issuer" && kind !== "external-secrets" && roles.length > 0)
    throw new AppError("usage", "option_surplus", `--role is for an issuer or external-secrets, not for ${kind}`);
  if (roles.some((role) => !isRoleName(role)))
    throw new AppError("invalid", "role_invalid", "--role is not a role name", {
      hint: `A role is ${NAME_RULES.role}.`,
    });
  return [...new Set(roles)];
}

function readPruner({ kind, pruner = null }: { readonly kind: PolicyKind; readonly pruner?: string | null }) {
  if (pruner === null) return null;
  if (kind !== "guard") throw new AppError("usage", "option_surplus", `--pruner is for the guard, not for ${kind}`);
  if (!ARN.test(pruner))
    throw new AppError("invalid", "arn_invalid", "--pruner is not the ARN of an IAM role or user", {
      hint: "For example arn:aws:iam::111122223333:role/mcp-pruner",
    });
  return pruner;
}
