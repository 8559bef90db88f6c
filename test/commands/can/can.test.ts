import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeProject, NOW, type Project } from "../../support/run-cli.ts";

const NOT_READ = "Locks were not read: .mcpctl/denylist.json does not exist.\n";
let project: Project;
beforeEach(async () => {
  project = await makeProject();
});
afterEach(() => project.remove());

const put = (name: string, content: string): Promise<void> => writeFile(join(project.cwd, name), content);
const can = (...argv: readonly string[]) => project.run(["can", ...argv]);
const lock = async (match: object, until: string | null = null): Promise<void> => {
  await mkdir(join(project.cwd, ".mcpctl"), { recursive: true });
  const made = { id: "lock_one", match, reason: "why", tell: false, by: "alice", at: "2026-11-20T03:12:45Z", until };
  await put(".mcpctl/denylist.json", JSON.stringify({ locks: [made] }));
};

describe("can", () => {
  it("says yes with the line that decides, and that no locks were read: exit 0", async () => {
    expect(await can("dev-readonly", "eks-ro")).toEqual({
      code: 0,
      out: `yes  dev-readonly -> eks-ro
  gateway: The key's role is granted this backend, and nothing forbids the call.
           roles.yaml:17:7: role dev-readonly lists eks-ro
`,
      err: NOT_READ,
    });
    expect((await readdir(project.cwd)).toSorted()).toEqual(["backends.yaml", "roles.yaml"]);
  });

  it("says no with the role's place, what would allow it, what else that opens and who may: exit 1", async () => {
    expect(await can("dev-readonly", "eks-rw")).toEqual({
      code: 1,
      out: `no  dev-readonly -> eks-rw
  gateway: The role is not granted this backend.
           roles.yaml:16:3: role dev-readonly does not list eks-rw
  to allow it: add \`- eks-rw\` to role dev-readonly, below roles.yaml:27:7
  that opens: all of eks-rw: write access to stage
              tools: which they are the registry does not say
  who may now: devops-full
`,
      err: NOT_READ,
    });
  });

  it("prints whole data as JSON", async () => {
    const { code, out } = await can("dev-readonly", "eks-rw", "-o", "json");
    expect({ code, data: JSON.parse(out) as unknown }).toEqual({
      code: 1,
      data: {
        role: "dev-readonly",
        user: null,
        key: null,
        backend: "eks-rw",
        tool: null,
        args: {},
        answer: "no",
        stopped_by: "gateway",
        also_stopped_by: [],
        beyond: null,
        layers: [
          {
            layer: "gateway",
            answer: "no",
            reason: "backend_not_granted",
            rule: "role dev-readonly does not list eks-rw",
            place: { file: "roles.yaml", line: 16, column: 3 },
            tools: null,
          },
        ],
        allowed_roles: ["devops-full"],
        remedy: {
          changes: [
            {
              do: "add_grant",
              text: "eks-rw",
              place: { file: "roles.yaml", line: 27, column: 7 },
              what: "add `- eks-rw` to role dev-readonly, below roles.yaml:27:7",
            },
          ],
          opens: {
            is_whole: true,
            tools: [],
            patterns: [],
            access: "rw",
            environment: "stage",
            is_production: false,
          },
        },
      },
    });
  });

  it("has nothing to mend in a yes", async () => {
    const { out } = await can("dev-readonly", "eks-ro", "eks_get_pods", "--layer", "gateway", "-o", "json");
    expect(JSON.parse(out)).toMatchObject({ tool: "eks_get_pods", allowed_roles: ["dev-readonly"], remedy: null });
  });

  it("judges a tool, and tells the smallest change for that tool alone", async () => {
    expect(await can("dev-readonly", "aws-rw", "aws_reboot")).toEqual({
      code: 1,
      out: `no  dev-readonly -> aws-rw, tool aws_reboot: the gateway stops it
  gateway: no. The role is not granted this backend.
           roles.yaml:16:3: role dev-readonly does not list aws-rw
  kubernetes: unknown: the registry says nothing of the tool aws_reboot of aws-rw
              missing: what the tool needs, in the registry (\`mcpctl backends import\`)
  aws: unknown: the registry says nothing of the tool aws_reboot of aws-rw
       missing: what the tool needs, in the registry (\`mcpctl backends import\`)
  to allow it: add \`- { backend: aws-rw, tools: { allow: ["aws_reboot"] } }\` to role dev-readonly, below roles.yaml:27:7
  that opens: aws_reboot of aws-rw: write access to production (prod)
  who may now: devops-full
`,
      err: `${NOT_READ}The registry names no tools of aws-rw; whether there is one was not judged.\n`,
    });
  });

  it("tells every edit of a narrowed grant, and what else they open", async () => {
    const narrowed = "{backend: eks-ro, tools: {allow: [x], deny: ['eks_get_p*', 'eks_g*s']}}";
    await put("roles.yaml", `roleMapping:\n  dev: [costs, ${narrowed}]\n  ops: [eks-ro]\n`);
    expect(await can("dev", "eks-ro", "eks_get_pods")).toEqual({
      code: 1,
      out: `no  dev -> eks-ro, tool eks_get_pods: the gateway stops it
  gateway: no. The grant does not let this tool through.
           roles.yaml:2:16: role dev narrows eks-ro to tools that leave out eks_get_pods
  kubernetes: unknown: Kubernetes RBAC was not asked
              missing: manifests, named as policy.manifests in mcpctl.yaml, or --live
  aws: yes: the tool needs nothing of AWS
  to allow it: add "eks_get_pods" to \`allow\` of eks-ro at roles.yaml:2:16
               remove "eks_get_p*" from \`deny\` of eks-ro at roles.yaml:2:16
               remove "eks_g*s" from \`deny\` of eks-ro at roles.yaml:2:16
  that opens: eks_get_pods of eks-ro: read access to stage
              whatever else matches eks_get_p*, eks_g*s
  who may now: ops
`,
      err: NOT_READ,
    });
    expect((await can("dev", "aws-ro")).out).toContain("  to allow it: add `aws-ro` to role dev at roles.yaml:2:16\n");
  });

  it("says unknown to a tool that the gateway lets through while other layers were not asked", async () => {
    const { code, out } = await can("dev-readonly", "eks-ro", "eks_delete_pod");
    expect([code, out.split("\n")[0]]).toEqual([7, "unknown  dev-readonly -> eks-ro, tool eks_delete_pod"]);
    const { out: json } = await can("dev-readonly", "eks-ro", "eks_delete_pod", "-o", "json");
    expect(JSON.parse(json)).toMatchObject({
      answer: "unknown",
      layers: [{ answer: "yes" }, { answer: "unknown", why: { reason: "not_asked" } }, { answer: "yes" }],
    });
    expect((await can("dev-readonly", "eks-ro", "eks_delete_pod", "--layer", "gateway")).code).toBe(0);
    expect((await can("dev-readonly", "eks-rw", "eks_delete_pod")).code).toBe(1);
  });

  it("names the tool that was probably meant, and judges what was asked", async () => {
    const { code, err } = await can("dev-readonly", "eks-ro", "eks_get_pod", "--layer", "gateway");
    expect([code, err]).toEqual([
      0,
      `${NOT_READ}The registry names no tool "eks_get_pod" of eks-ro; whether there is one was not judged. Did you mean eks_get_pods?\n`,
    ]);
  });

  it.each([[""], ["x".repeat(257)]])("takes no tool of such a length: exit 2", async (tool) => {
    expect((await can("dev-readonly", "eks-ro", tool)).code).toBe(2);
  });

  it("lets no tool's name steer a terminal", async () => {
    const { code, out, err } = await can("dev-readonly", "eks-rw", "x\u001b[31m\u202ey");
    expect([code, /[\u001b\u202e]/.test(out + err), out.includes("x\\u001b[31m\\u202ey")]).toEqual([1, false, true]);
  });

  it("lists at most ten roles that may", async () => {
    const roles = Array.from({ length: 12 }, (_, index) => `  r${index}: [costs]\n`).join("");
    await put("roles.yaml", `roleMapping:\n${roles}  dev: []\n`);
    expect((await can("dev", "costs")).out).toContain(
      "who may now: r0, r1, r2, r3, r4, r5, r6, r7, r8, r9 and 2 more\n",
    );
  });

  it.each([
    ["{allow: ['pg_*'], deny: [pg_drop]}", "allow pg_*; deny pg_drop"],
    ["{allow: []}", "allow none; deny none"],
    ["{deny: [pg_drop]}", "allow *; deny pg_drop"],
  ])("tells how a grant is narrowed by %s", async (tools, told) => {
    await put("roles.yaml", `roleMapping:\n  dev:\n    - {backend: postgres-ro, tools: ${tools}}\n`);
    expect((await can("dev", "postgres-ro")).out).toContain(`           tools: ${told}\n`);
  });

  it.each([
    ["role", { role: "dev-readonly" }, "A lock names this role.", "lock lock_one on role dev-readonly"],
    ["backend", { backend: "eks-ro" }, "A lock names this backend.", "lock lock_one on backend eks-ro"],
    ["all", { all: true }, "A lock refuses everything.", "lock lock_one on everything"],
  ])("heeds a lock on %s: exit 1", async (_what, match, reason, rule) => {
    await lock(match);
    expect(await can("dev-readonly", "eks-ro")).toEqual({
      code: 1,
      out: `no  dev-readonly -> eks-ro\n  gateway: ${reason}\n           ${rule}\n  who may now: no role\n`,
      err: "",
    });
  });

  it("suggests no change of the roles while a lock stands, for none would do", async () => {
    await lock({ all: true });
    const { code, out } = await can("dev-readonly", "eks-rw", "-o", "json");
    expect([code, JSON.parse(out)]).toEqual([1, expect.objectContaining({ allowed_roles: [], remedy: null })]);
  });

  it.each([
    ["another role", { role: "devops-full" }, null],
    ["a user, for nobody in particular asks", { user: "incident-agent-01" }, null],
    ["everything until now", { all: true }, new Date(NOW).toISOString().replace(".000", "")],
  ])("is not stopped by a lock on %s", async (_what, match, until) => {
    await lock(match, until);
    expect(await can("dev-readonly", "eks-ro")).toMatchObject({ code: 0, err: "" });
  });

  it.each([
    [["dev-redonly", "eks-ro"], 'there is no role "dev-redonly" in roles.yaml\n  Did you mean dev-readonly?'],
    [["qa", "eks-ro"], 'there is no role "qa" in roles.yaml\n  It has: devops-full, dev-readonly.'],
    [["dev-readonly", "eks-r0"], 'there is no backend "eks-r0" in backends.yaml\n  Did you mean eks-ro?'],
  ])("%o is an unknown name, never yes or no: exit 3", async (argv, message) => {
    expect(await can(...argv)).toEqual({ code: 3, out: "", err: `error: ${message}\n` });
  });

  it.each([
    ["roles.yaml", "roleMapping: [\n"],
    ["roles.yaml", "roleMapping:\n  dev-readonly: [eks-ro, eks-ro]\n"],
    ["backends.yaml", "backends:\n  eks-ro: {}\n"],
  ])("knows no last good %s: exit 3", async (name, content) => {
    await put(name, content);
    const { code, out, err } = await can("dev-readonly", "eks-ro");
    expect({ code, out, told: err.startsWith(`error: ${name}:`) }).toEqual({ code: 3, out: "", told: true });
  });

  it("does not answer past a denylist that it does not wholly understand: exit 3", async () => {
    await mkdir(join(project.cwd, ".mcpctl"));
    await put(".mcpctl/denylist.json", '{"locks":[],"note":1}');
    const { code, out, err } = await can("dev-readonly", "eks-ro");
    expect({ code, out, told: err.includes(".mcpctl/denylist.json is not wholly understood") }).toEqual({
      code: 3,
      out: "",
      told: true,
    });
  });

  it("says in an SSM context that the locks are in the cluster, and asks nobody", async () => {
    const store = "{type: ssm, path: /mcp/keys, region: eu-central-1, account: '111122223333'}";
    await put("mcpctl.yaml", `contexts:\n  - {name: prod, store: ${store}}\n`);
    expect(await can("dev-readonly", "eks-ro")).toMatchObject({
      code: 0,
      err: "Locks were not read: the denylist of context prod is in its cluster.\n",
    });
  });

  it("says no of a grant whose backend another file lacks, by not knowing it", async () => {
    await put("roles.yaml", "roleMapping:\n  dev: [ghost]\n");
    expect((await can("dev", "ghost")).code).toBe(3);
  });
});
