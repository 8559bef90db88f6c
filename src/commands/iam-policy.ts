import { Argument, Option, type Command } from "commander";
import { POLICY_KINDS, policyFor, type PolicyKind } from "../lib/aws/key-policies.ts";
import { currentContext } from "../lib/config/config.ts";
import { AppError } from "../lib/errors.ts";
import { isRoleName, NAME_RULES } from "../lib/names.ts";
import { withExamples, type Cli } from "./cli.ts";
import type { Ports } from "./ports.ts";
import type { Result } from "./result.ts";

export interface IamPolicyOptions {
  readonly kind: PolicyKind;
  readonly role?: readonly string[];
  readonly pruner?: string;
}

/** What IAM takes of a managed policy, white space not counted. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
const MAX_POLICY_CHARACTERS = 6144;
const ARN = /^arn:aws[a-z-]*:(?:iam|sts)::(?:\d{12}|\*):[A-Za-z0-9+=,.@_*/:-]{1,512}$/;

const WHAT: Readonly<Record<PolicyKind, string>> = {
  issuer: "may make, rotate and revoke keys of the roles named, and read those, and nothing else",
  reader: "may read every key's hash, record and history, and change nothing",
  oncall: "may read everything and revoke any key, and nothing else",
  pruner: "may read everything, delete entries, and keep what was deleted in mind",
  "external-secrets": "may render keys into a Secret",
  guard:
    "denies to overwrite and to delete to everybody but the pruner: attach it as a service control policy or boundary",
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

export async function iamPolicy(options: IamPolicyOptions, ports: Pick<Ports, "config">): Promise<Result> {
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
  const policy = policyFor(kind, { path, region, account, kmsKeyId: store.kmsKeyId ?? null, roles, prunerArn });
  const characters = JSON.stringify(policy).length;
  if (characters > MAX_POLICY_CHARACTERS)
    throw new AppError("invalid", "policy_too_large", `the policy has ${characters} characters, and IAM takes 6144`, {
      hint: "Make several, each for some of the roles.",
    });
  return {
    view: { data: policy },
    notes: [
      `Context ${name}: ssm ${path} (${region}, account ${account}). Whoever has it ${WHAT[kind]}.`,
      `To make it: aws iam create-policy --policy-name mcpctl-${kind} --policy-document file://FILE`,
    ],
  };
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
    throw new AppError("invalid", "arn_invalid", "--pruner is not the ARN of a principal", {
      hint: "For example arn:aws:iam::111122223333:role/mcp-pruner",
    });
  return pruner;
}
