import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeProject, type Project } from "../../support/run-cli.ts";

const PROD = `  - name: prod
    store: { type: ssm, path: /mcp/keys, region: eu-central-1, account: "111122223333" }
    kubernetes: { context: eks, cluster: 3f0c1c0e-6d0e-4a7e-9d0b-5a4e8b1d2c3f, namespace: mcp }
    gateway: { url: "https://mcp.example.com/" }
`;
const LOCAL = "  - { name: local, store: { type: file, path: keys.json } }\n";

let project: Project;
beforeEach(async () => {
  project = await makeProject();
});
afterEach(() => project.remove());

const put = async (path: string, content: string): Promise<void> => {
  await mkdir(join(project.cwd, path, ".."), { recursive: true });
  await writeFile(join(project.cwd, path), content);
};
const list = (...argv: readonly string[]) => project.run(["context", "list", ...argv]);

describe("context list", () => {
  it("shows each context with its store, cluster, gateway and file, the current one marked", async () => {
    await put("mcpctl.yaml", `currentContext: prod\ncontexts:\n${LOCAL}`);
    await put(".config/mcpctl/config.yaml", `contexts:\n${PROD}`);
    expect(await list()).toEqual({
      code: 0,
      out:
        "\tlocal\tfile keys.json\t-\thttp://127.0.0.1:8080\tmcpctl.yaml\n" +
        "*\tprod\tssm /mcp/keys (eu-central-1, account 111122223333)\teks/mcp\thttps://mcp.example.com\t.config/mcpctl/config.yaml\n",
      err: "",
    });
    expect(await list("-o", "name")).toEqual({ code: 0, out: "local\nprod\n", err: "" });
  });

  it("gives whole data as JSON", async () => {
    await put("mcpctl.yaml", `currentContext: prod\ncontexts:\n${LOCAL}${PROD}`);
    const file = join(project.cwd, "mcpctl.yaml");
    expect(JSON.parse((await list("-o", "json")).out)).toEqual([
      {
        name: "local",
        is_current: false,
        store: { type: "file", path: join(project.cwd, "keys.json") },
        cluster: null,
        gateway: "http://127.0.0.1:8080",
        file,
      },
      {
        name: "prod",
        is_current: true,
        store: { type: "ssm", path: "/mcp/keys", region: "eu-central-1", account: "111122223333" },
        cluster: { context: "eks", namespace: "mcp", uid: "3f0c1c0e-6d0e-4a7e-9d0b-5a4e8b1d2c3f" },
        gateway: "https://mcp.example.com",
        file,
      },
    ]);
  });

  it("shows the built-in context where no file defines one", async () => {
    expect(await list()).toEqual({
      code: 0,
      out: "*\tdefault\tfile .mcpctl/keys.json\t-\thttp://127.0.0.1:8080\tbuilt in\n",
      err: "",
    });
  });

  it.each([
    ["nothing chosen", {}, [], "No context is current: choose one with `mcpctl context use NAME`.\n"],
    ["the environment's choice", { MCPCTL_CONTEXT: "prod" }, [], "prod is current because MCPCTL_CONTEXT says so.\n"],
    [
      "the flag's choice",
      { MCPCTL_CONTEXT: "prod" },
      ["--context", "local"],
      "local is current because --context says so.\n",
    ],
    [
      "a choice that does not exist",
      { MCPCTL_CONTEXT: "gone" },
      [],
      'gone is current because MCPCTL_CONTEXT says so.\nWarning: there is no context "gone"; commands refuse to act.\n',
    ],
  ])("tells %s", async (_what, env, flags, err) => {
    await put("mcpctl.yaml", `contexts:\n${LOCAL}${PROD}`);
    const { code, ...told } = await project.run([...flags, "context", "list", "-o", "name"], { env });
    expect({ code, ...told }).toEqual({ code: 0, out: "local\nprod\n", err });
  });
});
