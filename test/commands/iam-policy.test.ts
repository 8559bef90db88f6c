import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Cli } from "../../src/commands/cli.ts";
import { type IamPolicyOptions, registerIamPolicy } from "../../src/commands/iam-policy.ts";
import { policyFor } from "../../src/lib/aws/key-policies.ts";
import { makeProject, type Project } from "../support/run-cli.ts";

const FACTS = {
  region: "eu-central-1",
  account: "111122223333",
  path: "/mcp-gateway/keys",
  kmsKeyId: "alias/mcp-gateway",
  prunerArn: null,
  roles: [],
} as const;
const STORE = "Context prod: ssm /mcp-gateway/keys (eu-central-1, account 111122223333).";
const PRUNER = "arn:aws:iam::111122223333:role/pruner";
const attach = (kind: string): string =>
  `To make it: aws iam create-policy --policy-name mcpctl-${kind} --policy-document file://FILE\n`;

let project: Project;
beforeEach(async () => {
  project = await makeProject();
});
afterEach(() => project.remove());

/** In the context `prod` of the examples, whose role file is theirs. */
const print = (...argv: readonly string[]) =>
  project.run(["--config", resolve("examples/mcpctl.yaml"), "--context", "prod", "iam-policy", ...argv]);

it.each([
  [["reader"], { kind: "reader" }],
  [["issuer", "--role", "a", "--role", "b"], { kind: "issuer", role: ["a", "b"] }],
  [["guard", "--pruner", PRUNER, "-o", "json"], { kind: "guard", pruner: PRUNER, output: "json" }],
])("argv %o becomes options", async (argv, options) => {
  const seen: IamPolicyOptions[] = [];
  const cli = { show: async () => undefined } as unknown as Cli;
  const program = new Command();
  registerIamPolicy(program, cli, async (given) => {
    seen.push(given);
    return {};
  });
  await program.parseAsync(["iam-policy", ...argv], { from: "user" });
  expect(seen).toEqual([options]);
});

describe("iam-policy", () => {
  it.each([[[]], [["-o", "json"]]])("prints an issuer's policy with %o, each role once", async (more) => {
    const roles = ["--role", "dev-readonly", "--role", "incident", "--role", "dev-readonly"];
    const { code, out, err } = await print("issuer", ...roles, ...more);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual(policyFor("issuer", { ...FACTS, roles: ["dev-readonly", "incident"] }));
    expect(err).toBe(
      `${STORE} Whoever has it may make, rotate and revoke keys of the roles named, and read those, and nothing else.\n` +
        `Warning: the role file has no role incident.\n${attach("issuer")}`,
    );
  });

  it.each([[[]], [["--role", "dev-readonly"]]])("prints a policy for External Secrets with %o", async (more) => {
    const { code, out, err } = await print("external-secrets", ...more);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual(policyFor("external-secrets", { ...FACTS, roles: more.slice(1) }));
    expect(err).toBe(`${STORE} Whoever has it may render keys into a Secret.\n${attach("external-secrets")}`);
  });

  it("prints a guard, and says what it must not be attached as", async () => {
    const { code, out, err } = await print("guard", "--pruner", PRUNER);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual(policyFor("guard", { ...FACTS, prunerArn: PRUNER }));
    expect(err).toBe(
      `${STORE} It denies everybody to overwrite, and everybody but the pruner to delete, and allows nothing.\n` +
        "To make it a service control policy: aws organizations create-policy --type SERVICE_CONTROL_POLICY --name mcpctl-guard --description mcpctl --content file://FILE\n" +
        "Beside other policies of an identity it works as well; as a permissions boundary it would take every right.\n",
    );
  });

  it("says who can decrypt where the context names no key", async () => {
    await writeFile(join(project.cwd, "mcpctl.yaml"), contextFile({ path: "/mcp/keys" }));
    expect(await project.run(["iam-policy", "reader"])).toMatchObject({
      code: 0,
      err: expect.stringContaining(
        "The context names no kmsKeyId: AWS's own key decrypts for every identity of the account.\n",
      ),
    });
  });

  it.each([
    [["issuer"], 2, "--role must be given: an issuer makes keys of certain roles"],
    [["reader", "--role", "qa"], 2, "--role is for an issuer or external-secrets, not for reader"],
    [["issuer", "--role", "*"], 3, "--role is not a role name"],
    [["issuer", "--role", "dev-?"], 3, "--role is not a role name"],
    [["issuer", "--role", "../ops"], 3, "--role is not a role name"],
    [["external-secrets", "--role", "qa/*"], 3, "--role is not a role name"],
    [["oncall", "--pruner", PRUNER], 2, "--pruner is for the guard, not for oncall"],
    [["guard", "--pruner", "me"], 3, "--pruner is not the ARN of an IAM role or user"],
    [["guard", "--pruner", "arn:aws:iam::111122223333:*"], 3, "--pruner is not the ARN of an IAM role or user"],
    [
      ["guard", "--pruner", "arn:aws:sts::111122223333:assumed-role/p/s"],
      3,
      "--pruner is not the ARN of an IAM role or user",
    ],
    [["admin"], 2, "command-argument value 'admin' is invalid for argument 'kind'"],
    [["reader", "-o", "yaml"], 2, "option '-o, --output <form>' argument 'yaml' is invalid"],
  ])("refuses %o", async (argv, code, message) => {
    expect(await print(...argv)).toMatchObject({ code, out: "", err: expect.stringContaining(`error: ${message}`) });
  });

  it("says why there is none for a store in a file", async () => {
    expect(await project.run(["iam-policy", "reader"])).toEqual({
      code: 3,
      out: "",
      err:
        "error: context default keeps its keys in a file, which IAM does not guard\n" +
        "  Name a context whose store is ssm with --context.\n",
    });
  });

  it.each([
    [{ path: "/ssm/keys" }, 'The store\'s path "/ssm/keys" must not begin with aws or ssm, which AWS reserves.'],
    [{ path: "/k", kmsKeyId: "key/1" }, "The store's kmsKeyId \"key/1\" is no KMS key's id, alias or ARN."],
  ])("refuses a store with %o", async (store, message) => {
    await writeFile(join(project.cwd, "mcpctl.yaml"), contextFile(store));
    const { code, out, err } = await project.run(["iam-policy", "reader"]);
    expect([code, out, err.split("\n")[0]]).toEqual([3, "", `error: ${message}`]);
  });

  it("prints as many roles as IAM takes, and says what to do with one more", async () => {
    const ask = (count: number) =>
      print("issuer", ...Array.from({ length: count }, (_, index) => ["--role", `team-${10 + index}-readonly`]).flat());
    const codes: number[] = [];
    while (codes.at(-1) !== 3) codes.push((await ask(codes.length + 1)).code);
    expect(codes.length - 1).toBe(10);
    const { err, out } = await ask(codes.length);
    expect([out, err]).toEqual([
      "",
      expect.stringMatching(
        /^error: the policy has \d+ characters, and IAM takes 6144\n {2}Make several, each for some of the roles.\n$/,
      ),
    ]);
  });
});

function contextFile(store: object): string {
  const whole = { type: "ssm", region: "eu-central-1", account: "111122223333", ...store };
  return JSON.stringify({ contexts: [{ name: "prod", store: whole }] });
}
