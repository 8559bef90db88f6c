import type { PolicyDocument } from "../../src/lib/aws/key-policies.ts";

export interface UserKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/**
 * Makes an IAM user on moto with the rights of this policy that moto can weigh: it knows actions, and neither resources
 * nor conditions, so every Allow is widened to all resources, and every Deny left out.
 */
export async function createUser(moto: string, name: string, policy: PolicyDocument): Promise<UserKeys> {
  const allowed = policy.Statement.filter(({ Effect }) => Effect === "Allow").flatMap(({ Action }) => Action);
  const Statement = [{ Effect: "Allow", Action: allowed, Resource: "*" }];
  await callIam(moto, { Action: "CreateUser", UserName: name });
  await callIam(moto, {
    Action: "PutUserPolicy",
    UserName: name,
    PolicyName: "p",
    PolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement }),
  });
  const made = await callIam(moto, { Action: "CreateAccessKey", UserName: name });
  const read = (element: string): string => new RegExp(`<${element}>([^<]+)<`).exec(made)?.[1] ?? "";
  return { accessKeyId: read("AccessKeyId"), secretAccessKey: read("SecretAccessKey") };
}

/** From now on moto refuses calls without a right, those of administrators too. */
export async function enforceIam(moto: string): Promise<void> {
  const answer = await fetch(`${moto}/moto-api/reset-auth`, { method: "POST", body: "0" });
  if (!answer.ok) throw new Error(`moto answers ${answer.status}`);
}

async function callIam(moto: string, fields: Readonly<Record<string, string>>): Promise<string> {
  const scope = "AKIAIOSFODNN7EXAMPLE/20261120/us-east-1/iam/aws4_request";
  const answer = await fetch(moto, {
    method: "POST",
    headers: { authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0` },
    body: new URLSearchParams({ Version: "2010-05-08", ...fields }),
  });
  if (!answer.ok) throw new Error(`moto answers ${answer.status}: ${await answer.text()}`);
  return answer.text();
}
