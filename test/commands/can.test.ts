import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeProject, NOW, type Project } from "../support/run-cli.ts";

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

  it("says no with the role's place: exit 1", async () => {
    expect(await can("dev-readonly", "eks-rw")).toEqual({
      code: 1,
      out: `no  dev-readonly -> eks-rw
  gateway: The role is not granted this backend.
           roles.yaml:16:3: role dev-readonly does not list eks-rw
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
        backend: "eks-rw",
        answer: "no",
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
      },
    });
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
      out: `no  dev-readonly -> eks-ro\n  gateway: ${reason}\n           ${rule}\n`,
      err: "",
    });
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
