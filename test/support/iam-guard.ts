import type { PolicyDocument } from "../../src/lib/aws/key-policies.ts";
import type { Answer, Guard, RecordedCall } from "./fault-proxy.ts";
import { denyAccess } from "./faults.ts";
import { evaluateIam, type IamRequest } from "./iam-evaluator.ts";

/** The key that encrypts the parameters, and the alias that it bears. */
export interface GuardedKey {
  readonly arn: string;
  readonly alias: string;
}

/**
 * Answers calls of SSM as AWS does for an identity with these policies: what they do not allow is refused, and the call
 * goes on otherwise. With `key`, putting needs kms:Encrypt as well, and each value that is read kms:Decrypt.
 */
export function guardBy(policies: readonly PolicyDocument[], region: string, account: string, key?: GuardedKey): Guard {
  const mayAll = (requests: readonly IamRequest[]): boolean =>
    requests.every((request) => evaluateIam(policies, request) === "allowed");
  const arn = (name: unknown): string => `arn:aws:ssm:${region}:${account}:parameter${String(name)}`;
  const crypt = (operation: "Encrypt" | "Decrypt", name: unknown): readonly IamRequest[] =>
    key === undefined
      ? []
      : [
          {
            action: `kms:${operation}`,
            resource: key.arn,
            context: {
              "kms:ViaService": `ssm.${region}.amazonaws.com`,
              "kms:EncryptionContext:PARAMETER_ARN": arn(name),
              "kms:ResourceAliases": [key.alias],
            },
          },
        ];
  return async (call, forward) => {
    const encrypts = call.action === "PutParameter" ? crypt("Encrypt", call.body["Name"]) : [];
    if (!mayAll([...requestsOf(call, arn), ...encrypts])) return denyAccess()(call, forward);
    if (key === undefined || call.body["WithDecryption"] !== true) return null;
    const answer = await forward();
    return mayAll(namesIn(answer).flatMap((name) => crypt("Decrypt", name))) ? answer : denyAccess()(call, forward);
  };
}

/** What IAM is asked for this call: a list by the path that it names, the others by each parameter. */
function requestsOf(call: RecordedCall, arn: (name: unknown) => string): readonly IamRequest[] {
  const { body } = call;
  const action = `ssm:${call.action}`;
  switch (call.action) {
    // It needs no right.
    case "GetCallerIdentity":
      return [];
    case "PutParameter": {
      const policies = body["Policies"] === undefined ? {} : { "ssm:Policies": "true" };
      const context = { "ssm:Overwrite": String(body["Overwrite"] === true), ...policies };
      return [{ action, resource: arn(body["Name"]), context }];
    }
    case "GetParameters":
    case "DeleteParameters":
      return (body["Names"] as readonly string[]).map((name) => ({ action, resource: arn(name) }));
    case "GetParametersByPath":
      return [{ action, resource: arn(body["Path"]) }];
    case "DescribeParameters":
      return [{ action, resource: "*" }];
    default:
      throw new Error(`the guard does not know ${action}`);
  }
}

function namesIn({ body }: Answer): readonly string[] {
  const { Parameters = [] } = JSON.parse(body) as { Parameters?: readonly { readonly Name: string }[] };
  return Parameters.map(({ Name }) => Name);
}
