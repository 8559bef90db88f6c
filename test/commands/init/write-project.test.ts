import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Cli } from "../../../src/commands/cli.ts";
import { registerInit, type InitOptions } from "../../../src/commands/init/index.ts";
import { AppError } from "../../../src/lib/errors.ts";
import { makeProject, type Project } from "../../support/run-cli.ts";

const UID = "3f0c1c0e-6d0e-4a7e-9d0b-5a4e8b1d2c3f";
const GIVEN = {
  "--region": "eu-central-1",
  "--account": "111122223333",
  "--kube-context": "test",
  "--cluster": UID,
  "--image": "registry.example.com/mcpctl:0.1.0",
} as const;
const ALL = Object.entries(GIVEN).flat();
const FILES = [
  "mcpctl.yaml",
  "roles.yaml",
  "backends.yaml",
  "deploy/keys-secret.yaml",
  "deploy/gateway-rights.yaml",
  "deploy/gateway.yaml",
  "deploy/oncall-rights.yaml",
  "deploy/admission-policy.yaml",
  "deploy/network-policy.yaml",
  "kustomization.yaml",
];

let project: Project;
beforeEach(async () => {
  project = await makeProject();
});
afterEach(() => project.remove());

const init = (...argv: readonly string[]) => project.run(["init", "--dir", "p", ...argv]);
const get = (path: string): Promise<string> => readFile(join(project.cwd, path), "utf8");
const without = (flag: string): string[] =>
  Object.entries(GIVEN).flatMap(([name, value]) => (name === flag ? [] : [name, value]));

it("argv becomes options", async () => {
  const seen: InitOptions[] = [];
  const cli = { show: async () => undefined } as unknown as Cli;
  const program = new Command();
  registerInit(program, cli, async (options) => {
    seen.push(options);
    return {};
  });
  const ranges = ["--api-server-cidr", "10.0.0.0/16", "10.1.0.0/16"];
  await program.parseAsync(["init", "--kms-key", "alias/k", "--force", ...ranges, "-o", "json"], { from: "user" });
  await program.parseAsync(["init", "--check", "--dir", "p"], { from: "user" });
  expect(seen).toEqual([
    { dir: ".", kmsKey: "alias/k", force: true, apiServerCidr: ["10.0.0.0/16", "10.1.0.0/16"], output: "json" },
    { dir: "p", check: true },
  ]);
});

describe("init", () => {
  it("writes a project for a cluster, and tells what is left to do", async () => {
    const { code, out, err } = await init(...ALL, "--url", "https://mcp.example.com");
    expect({ code, out }).toEqual({ code: 0, out: FILES.map((file) => `written   p/${file}\n`).join("") });
    expect(err).toBe(`Next:
  1. Put the API server's addresses into deploy/network-policy.yaml; until then no replica can be asked.
  2. Name your MCP servers in backends.yaml and who may reach them in roles.yaml: mcpctl roles check
  3. Make IAM role arn:aws:iam::111122223333:role/mcp-gateway-keys-reader: trusted by ServiceAccount mcp-gateway:mcp-gateway-keys-reader, with: mcpctl iam-policy external-secrets
  4. Make the namespaces: kubectl --context test create namespace mcp-gateway; kubectl --context test create namespace mcp-servers
  5. Make the secret of session ids, which no file holds: openssl rand -base64 32 | kubectl --context test create secret generic mcp-gateway-session --namespace mcp-gateway --from-file=session-secret=/dev/stdin
  6. Apply: kubectl --context test apply --server-side -k p
  7. Make the denylist, without which gateways refuse every call: mcpctl lock init
  8. See that all of it is there: mcpctl init --check; who is on call belongs to group mcp-gateway-oncall
`);
  });

  it("writes a configuration and a role file that the other commands take", async () => {
    await init(...ALL, "--kms-key", "alias/mcp-gateway");
    const at = ["--config", "p/mcpctl.yaml"];
    const listed = await project.run([...at, "context", "list", "-o", "json"]);
    expect(JSON.parse(listed.out)).toEqual([
      {
        name: "mcp-gateway",
        is_current: true,
        store: { type: "ssm", path: "/mcp-gateway/keys", region: "eu-central-1", account: "111122223333" },
        cluster: { context: "test", namespace: "mcp-gateway", uid: UID },
        gateway: "http://mcp-gateway.mcp-gateway.svc:8080",
        file: join(project.cwd, "p/mcpctl.yaml"),
      },
    ]);
    expect(await project.run([...at, "roles", "check"])).toEqual({
      code: 0,
      out: "2 files checked: nothing found, 9 rules skipped (MC201, MC406 not configured; MC403, MC501-MC505 no keys read (--keys); MC405 no base named (--base)).\n",
      err: "",
    });
    expect((await project.run([...at, "iam-policy", "external-secrets"])).code).toBe(0);
  });

  it("writes a project with the embedded store, which works at once and keeps the store out of git", async () => {
    const { code, out } = await init("--store", "file");
    expect({ code, out }).toEqual({
      code: 0,
      out: "written   p/mcpctl.yaml\nwritten   p/roles.yaml\nwritten   p/backends.yaml\nwritten   p/.gitignore\n",
    });
    expect(await get("p/.gitignore")).toContain("\n.mcpctl/\n");
    const create = ["--config", "p/mcpctl.yaml", "keys", "create", "--role", "dev-readonly", "--user", "alice"];
    expect((await project.run([...create, "--out", "token"])).code).toBe(0);
    expect((await readdir(join(project.cwd, "p/.mcpctl"))).toSorted()).toContain("keys.json");
    expect(await init("--store", "file", "--path", "state/keys.json", "--force")).toMatchObject({ code: 0 });
    expect(await get("p/.gitignore")).toContain("\nstate/\n");
  });

  it("says what must be kept out of git where a .gitignore is there", async () => {
    await mkdir(join(project.cwd, "p"));
    await writeFile(join(project.cwd, "p/.gitignore"), "dist/\n");
    expect((await init("--store", "file")).err).toContain(
      "1. See that .gitignore names .mcpctl/: the session secret lies there.\n",
    );
    expect(await get("p/.gitignore")).toBe("dist/\n");
  });

  it("never overwrites a file that is there, and says which were left", async () => {
    await mkdir(join(project.cwd, "p"));
    await writeFile(join(project.cwd, "p/roles.yaml"), "mine");
    const { code, out, err } = await init(...ALL);
    expect(code).toBe(0);
    expect(out.split("\n").filter((line) => !line.startsWith("written"))).toEqual(["left      p/roles.yaml", ""]);
    expect(err).toContain(
      "Files that were left may not fit the others: --force replaces them, your own edits included.\n",
    );
    expect(await get("p/roles.yaml")).toBe("mine");
    expect((await init(...ALL, "--force")).out).toBe(FILES.map((file) => `replaced  p/${file}\n`).join(""));
    expect(await get("p/roles.yaml")).toContain("roleMapping:");
  });

  it("leaves a place for the cluster's UID where the cluster cannot be asked", async () => {
    const { code, err } = await project.run(["init", "--dir", "p", ...without("--cluster")], {
      ports: {
        kube: () => Promise.reject(new AppError("unavailable", "kube_unreachable", "nobody is there.")),
      },
    });
    expect(code).toBe(0);
    expect(err).toMatch(
      /^Warning: the cluster was not asked for its UID: nobody is there\.\nNext:\n  1\. Put the cluster's UID/,
    );
    expect(await project.run(["--config", "p/mcpctl.yaml", "roles", "check"])).toMatchObject({
      code: 3,
      err: expect.stringContaining('mcpctl.yaml:20:16: "REPLACE-with-the-UID-of-namespace-kube-system"') as unknown,
    });
  });

  it("writes nothing when it is interrupted while it asks the cluster", async () => {
    const ports = { kube: () => Promise.reject(new AppError("interrupted", "interrupted", "interrupted")) };
    expect((await project.run(["init", "--dir", "p", ...without("--cluster")], { ports })).code).toBe(130);
    expect(await readdir(project.cwd)).not.toContain("p");
  });
});

describe("init off a terminal", () => {
  it.each(["--region", "--account", "--kube-context", "--image"])(
    "names the flag that is missing: %s",
    async (flag) => {
      const { code, out, err } = await init(...without(flag));
      expect({ code, out, first: err.split("\n")[0] }).toEqual({
        code: 2,
        out: "",
        first: `error: ${flag} must be given`,
      });
      expect(await readdir(project.cwd)).not.toContain("p");
    },
  );

  it.each([
    ["--store", "s3", "is neither ssm nor file"],
    ["--name", "Gateway", "is not 1 to 40 of a-z 0-9 -, beginning with a letter"],
    ["--name", "a".repeat(41), "is not 1 to 40 of a-z 0-9 -, beginning with a letter"],
    ["--namespace", "a.b", "is not the name of a namespace"],
    ["--servers-namespace", "mcp-gateway", "is the gateway's own"],
    ["--region", "eu_central", "is not the name of an AWS region"],
    ["--account", "1234", "is not the 12 digits of an AWS account"],
    ["--path", "keys", "is not a path of parameters"],
    ["--path", "/aws/keys", "is not a path of parameters"],
    ["--kms-key", "alias/a b", "is not a KMS key of this region"],
    ["--kube-context", "a\nb", "is not the name of a kubeconfig context"],
    ["--cluster", "prod", "is not the UID of a namespace"],
    ["--iam-role-arn", "arn:aws:iam::1:role/x", "is not the ARN of an IAM role"],
    ["--image", "a b", "is not the name of an image"],
    ["--url", "ftp://x", "is not an http or https URL"],
    ["--oncall-group", "system:authenticated", "is not a group of people"],
    ["--api-server-cidr", "0.0.0.0/0", "is not a range of addresses like 10.0.0.0/16"],
    ["--api-server-cidr", "10.0.0.0", "is not a range of addresses like 10.0.0.0/16"],
  ])("refuses %s %o: exit 2", async (flag, value, problem) => {
    const { code, err } = await init(...without(flag), flag, value);
    expect({ code, first: err.split("\n")[0] }).toEqual({
      code: 2,
      first: `error: ${flag} "${value.replace("\n", "\\u000a")}" ${problem}`,
    });
  });

  it.each(["../keys.json", "keys.json", "/x/keys.json"])("refuses the store file %s: exit 2", async (path) => {
    expect(await init("--store", "file", "--path", path)).toMatchObject({ code: 2 });
  });

  it("refuses flags that say nothing here: exit 2", async () => {
    expect((await init("--store", "file", "--kms-key", "alias/k")).err).toContain(
      "error: --kms-key says nothing where keys are kept in a file\n",
    );
    expect((await init("--check", "--image", "x")).err).toContain("error: --check takes --dir and -o alone\n");
  });
});

describe("init on a terminal", () => {
  it("asks for what is missing, offers defaults, and asks again after a wrong answer", async () => {
    const answers = ["", "", "", "", "eu-central-1", "nope", "111122223333", "", "", "test", "", "x:1", "", "", ""];
    const { code, err } = await project.run(["init", "--dir", "p", "--cluster", UID], { answers, outIsTerminal: true });
    expect(code).toBe(0);
    expect(err).toContain("This is not the 12 digits of an AWS account.\n");
    expect(await get("p/deploy/gateway.yaml")).toContain("image: x:1\n");
    expect(await get("p/deploy/network-policy.yaml")).toContain("cidr: 192.0.2.0/24\n");
  });

  it("does not ask for what a flag says", async () => {
    const argv = ["init", "--dir", "p", "--store", "file", "--name", "local", "--path", ".mcpctl/keys.json"];
    expect((await project.run(argv, { answers: [] })).code).toBe(0);
  });
});
