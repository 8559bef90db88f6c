import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PolicyDocument } from "../../src/lib/aws/key-policies.ts";
import { makeProject, type Project } from "../support/run-cli.ts";

let project: Project;
beforeEach(async () => {
  project = await makeProject();
  await writeFile(
    join(project.cwd, "mcpctl.yaml"),
    `currentContext: prod
contexts:
  - { name: prod, store: { type: ssm, path: /mcp/keys, region: eu-central-1, account: "111122223333" } }
  - { name: local, store: { type: file, path: keys.json } }
`,
  );
});
afterEach(() => project.remove());

const iam = (...argv: readonly string[]) => project.run(["iam-policy", ...argv]);

describe("iam-policy", () => {
  it("prints a policy for the roles named, without asking AWS anything", async () => {
    const { code, out, err } = await iam("issuer", "--role", "qa", "--role", "dev", "--role", "qa");
    expect(code).toBe(0);
    expect((JSON.parse(out) as PolicyDocument).Statement[0]).toEqual({
      Sid: "MakeAndEndKeysOfTheseRoles",
      Effect: "Allow",
      Action: ["ssm:PutParameter", "ssm:GetParameters"],
      Resource: ["qa", "dev"].map((role) => `arn:aws:ssm:eu-central-1:111122223333:parameter/mcp/keys/${role}/*`),
    });
    expect(err).toBe(
      "Context prod: ssm /mcp/keys (eu-central-1, account 111122223333). Whoever has it may make, rotate and revoke keys of the roles named, and read those, and nothing else.\n" +
        "To make it: aws iam create-policy --policy-name mcpctl-issuer --policy-document file://FILE\n",
    );
  });

  it.each([
    [["issuer"], 2, "--role must be given"],
    [["reader", "--role", "qa"], 2, "--role is for an issuer or external-secrets, not for reader"],
    [["issuer", "--role", "qa/*"], 3, "--role is not a role name"],
    [["oncall", "--pruner", "arn:aws:iam::111122223333:role/x"], 2, "--pruner is for the guard, not for oncall"],
    [["guard", "--pruner", "me"], 3, "--pruner is not the ARN of a principal"],
    [["admin"], 2, "command-argument value 'admin' is invalid for argument 'kind'"],
    [["reader", "--context", "local"], 3, "context local keeps its keys in a file, which IAM does not guard"],
  ])("refuses %o", async (argv, code, message) => {
    expect(await iam(...argv)).toMatchObject({ code, out: "", err: expect.stringContaining(`error: ${message}`) });
  });

  it("prints for External Secrets the folders of the roles named, or everything", async () => {
    const resources = async (...argv: readonly string[]): Promise<unknown> =>
      (JSON.parse((await iam("external-secrets", ...argv)).out) as PolicyDocument).Statement[0]?.Resource;
    const keys = "arn:aws:ssm:eu-central-1:111122223333:parameter/mcp/keys";
    expect(await resources()).toEqual([keys, `${keys}/*`]);
    expect(await resources("--role", "qa")).toEqual([`${keys}/qa`, `${keys}/qa/*`]);
  });

  it("prints no policy that IAM would not take", async () => {
    const roles = Array.from({ length: 60 }, (_, number) => `role-${number}`);
    expect(await iam("issuer", ...roles.flatMap((role) => ["--role", role]))).toMatchObject({
      code: 3,
      err: expect.stringMatching(/error: the policy has \d+ characters, and IAM takes 6144\n {2}Make several/),
    });
  });
});
