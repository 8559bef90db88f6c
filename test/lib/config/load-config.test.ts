import { chmod, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { currentContext } from "../../../src/lib/config/config.ts";
import { type ConfigRequest, loadConfig } from "../../../src/lib/config/load-config.ts";

let home: string;
beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), "mcpctl-config-")));
  await mkdir(join(home, "p/sub"), { recursive: true });
});
afterEach(async () => {
  await rm(home, { recursive: true });
});

const load = async (request: Partial<ConfigRequest> = {}) =>
  loadConfig({ configFlag: null, contextFlag: null, env: {}, cwd: join(home, "p/sub"), home, ...request });
const put = async (path: string, content: string): Promise<string> => {
  await mkdir(join(home, path, ".."), { recursive: true });
  await writeFile(join(home, path), content);
  return join(home, path);
};
const contextFile = (...names: readonly string[]): string =>
  `contexts:\n${names.map((name) => `  - { name: ${name}, store: { type: file, path: keys-${name}.json } }\n`).join("")}`;
const chosen = async (request: Partial<ConfigRequest>) => currentContext(await load(request)).name;

describe("loadConfig", () => {
  it("finds the project's file upwards, and the user's file beside it", async () => {
    const project = await put("p/mcpctl.yaml", contextFile("local"));
    const user = await put(".config/mcpctl/config.yaml", contextFile("mine"));
    const config = await load();
    expect(config.files).toEqual([project, user]);
    expect(config.contexts.map(({ name, store }) => [name, store.type === "file" && store.path])).toEqual([
      ["local", join(home, "p/keys-local.json")],
      ["mine", join(home, ".config/mcpctl/keys-mine.json")],
    ]);
  });

  it("leaves the user's file out where there is no home to look in, broken or not", async () => {
    const project = await put("p/mcpctl.yaml", contextFile("local"));
    await put(".config/mcpctl/config.yaml", "no: [");
    expect((await load({ home: null, env: { XDG_CONFIG_HOME: join(home, ".config") } })).files).toEqual([project]);
    await expect(load()).rejects.toMatchObject({ kind: "invalid" });
  });

  it("takes the nearest of two project files", async () => {
    await put("p/mcpctl.yaml", contextFile("far"));
    await put("p/sub/mcpctl.yaml", contextFile("near"));
    expect(await chosen({})).toBe("near");
  });

  it("lets the flag beat the environment, and that the search", async () => {
    await put("p/mcpctl.yaml", contextFile("project"));
    await put("flag.yaml", contextFile("flag"));
    await put("env.yaml", contextFile("env"));
    const env = { MCPCTL_CONFIG: join(home, "env.yaml") };
    expect(await chosen({ configFlag: "../../flag.yaml", env })).toBe("flag");
    expect(await chosen({ env })).toBe("env");
    expect(await chosen({ env: { MCPCTL_CONFIG: "" } })).toBe("project");
  });

  it("lets --context beat MCPCTL_CONTEXT, the project and the user, in this order", async () => {
    await put(".config/mcpctl/config.yaml", `currentContext: user\n${contextFile("user")}`);
    await put("p/mcpctl.yaml", contextFile("env", "flag", "project"));
    expect(await chosen({})).toBe("user");
    await put("p/mcpctl.yaml", `currentContext: project\n${contextFile("env", "flag", "project")}`);
    expect(await chosen({})).toBe("project");
    expect(await chosen({ env: { MCPCTL_CONTEXT: "env" } })).toBe("env");
    expect(await chosen({ env: { MCPCTL_CONTEXT: "env" }, contextFlag: "flag" })).toBe("flag");
    expect(await chosen({ env: { MCPCTL_CONTEXT: "" } })).toBe("project");
  });

  it("finds the user's file through XDG_CONFIG_HOME", async () => {
    await put("xdg/mcpctl/config.yaml", contextFile("xdg"));
    await put(".config/mcpctl/config.yaml", contextFile("dot-config"));
    expect(await chosen({ env: { XDG_CONFIG_HOME: join(home, "xdg") } })).toBe("xdg");
    expect(await chosen({})).toBe("dot-config");
  });

  it("does not let a project redefine a context of the user", async () => {
    await put(".config/mcpctl/config.yaml", contextFile("prod"));
    await put("p/mcpctl.yaml", contextFile("prod"));
    await expect(load()).rejects.toMatchObject({ kind: "invalid", code: "context_twice" });
  });

  it("reads the shared example whole", async () => {
    await put("p/mcpctl.yaml", await readFile("examples/mcpctl.yaml", "utf8"));
    const config = await load();
    expect(currentContext(config)).toEqual({
      name: "local",
      store: { type: "file", path: join(home, "p/.mcpctl/keys.json"), denylist: join(home, "p/.mcpctl/denylist.json") },
      kubernetes: null,
      gateway: { url: "http://127.0.0.1:8080", admin: ["http://127.0.0.1:8081"] },
    });
    expect(config.contexts[1]).toMatchObject({
      name: "prod",
      store: {
        type: "ssm",
        path: "/mcp-gateway/keys",
        region: "eu-central-1",
        account: "111122223333",
        kmsKeyId: "alias/mcp-gateway",
      },
      kubernetes: { cluster: "3f0c1c0e-6d0e-4a7e-9d0b-5a4e8b1d2c3f", namespace: "mcp-gateway" },
      gateway: { url: "https://mcp.example.com" },
    });
  });

  it("takes an empty file for no word at all", async () => {
    await put("p/mcpctl.yaml", "# nothing yet\n");
    expect(await chosen({})).toBe("default");
  });

  it.each([
    ["an unknown field", "policy:\n  role: x\n", '2:3: unknown field "role" in "policy"'],
    ["a name twice", "keys: {}\nkeys: {}\n", '2:1: the name "keys" stands here and in line 1'],
    ["two documents", "keys: {}\n---\nkeys: {}\n", "1:1: the file holds more than one document"],
    ["a list", "- a\n", "1:1: the file must be a mapping, and is a list"],
    ["broken YAML", "keys: {\n", "2:1: Flow map in block collection must be sufficiently indented and end with a }"],
    [
      "an account that is a number",
      "contexts:\n  - {name: a, store: {type: ssm, path: /a, region: eu-central-1, account: 111122223333}}\n",
      '2:75: "account" must be a text, and is the number 111122223333',
    ],
    [
      "an SSM store without its pins",
      "contexts:\n  - {name: a, store: {type: ssm, path: /a}}\n",
      '2:22: "store" lacks the field "region"',
    ],
    [
      "a gateway URL with a secret",
      "contexts:\n  - {name: a, store: {type: file, path: k}, gateway: {url: 'http://u:p@h'}}\n",
      '2:60: "http://u:p@h" is not a valid "url"',
    ],
    ["a lifetime that is none", "keys: {maxTtl: 1y}\n", '1:16: "1y" is not a valid "maxTtl"'],
  ])("refuses %s with its place", async (_what, content, message) => {
    const path = await put("p/mcpctl.yaml", content);
    await expect(load()).rejects.toMatchObject({
      kind: "invalid",
      code: "config_unreadable",
      message: `${path}:${message}`,
    });
  });

  const gateway = (url: string): string =>
    `contexts:\n  - {name: a, store: {type: file, path: k}, gateway: {url: ${JSON.stringify(url)}}}\n`;

  it.each([
    "https://h/$(x)",
    "https://$(x)",
    "https://h/`x`",
    "https://h/'x",
    'https://h/"x',
    "https://h/a b",
    "https://h/a;b",
    "https://h;b",
    "https://h/a\nb",
    "https://h/a&b",
    "https://h/%0a",
    "https://user@h",
    "https://user:pass@h/",
    "https://h/a@b",
    "https://h?a=b",
    "https://h/?a=b",
    "https://h/#a",
    "ftp://h",
    "//h",
    "https://",
    "https://h:123456",
    "https://[::1",
    `https://h/${"a".repeat(2040)}`,
  ])("refuses the gateway URL %j, which people paste into shells", async (url) => {
    await put("p/mcpctl.yaml", gateway(url));
    await expect(load()).rejects.toMatchObject({ kind: "invalid", code: "config_unreadable" });
  });

  it("refuses an admin URL as it refuses the gateway's", async () => {
    const admin = (url: string): string =>
      `contexts:\n  - {name: a, store: {type: file, path: k}, gateway: {url: "http://h", admin: ["${url}"]}}\n`;
    for (const url of ["http://h?a=b", "http://u:p@h", "http://h/$(x)"]) {
      await put("p/mcpctl.yaml", admin(url));
      await expect(load()).rejects.toMatchObject({ kind: "invalid", code: "config_unreadable" });
    }
    await put("p/mcpctl.yaml", admin("http://127.0.0.1:8081"));
    expect(currentContext(await load()).gateway.admin).toEqual(["http://127.0.0.1:8081"]);
  });

  it.each([
    "https://mcp.example.com",
    "https://mcp-1.example.com:8443/base/v1.0/~team/a_b-c",
    "http://127.0.0.1:8080",
    "http://[::1]:8080/mcp",
  ])("takes the gateway URL %j", async (url) => {
    await put("p/mcpctl.yaml", gateway(url));
    expect(currentContext(await load()).gateway.url).toBe(url);
  });

  it("refuses a file that is a link to itself", async () => {
    await symlink("mcpctl.yaml", join(home, "p/mcpctl.yaml"));
    await expect(load()).rejects.toMatchObject({
      kind: "invalid",
      code: "path_loops",
      message: `the configuration ${join(home, "p/mcpctl.yaml")} is a symbolic link that leads nowhere`,
    });
    await rm(join(home, "p/mcpctl.yaml"));
    expect(await chosen({})).toBe("default");
  });

  it("refuses a folder in the place of the file, and a file that is not there", async () => {
    await mkdir(join(home, "p/mcpctl.yaml"));
    await expect(load()).rejects.toMatchObject({ kind: "invalid", code: "path_is_folder" });
    await expect(load({ configFlag: "no.yaml" })).rejects.toMatchObject({ kind: "not-found", code: "file_not_found" });
  });

  it("does not take a file from a folder above that everyone may write to", async () => {
    await put("p/mcpctl.yaml", contextFile("anybody"));
    await chmod(join(home, "p"), 0o777);
    await expect(load()).rejects.toMatchObject({
      kind: "invalid",
      code: "config_untrusted",
      hint: "Move it, or name it with --config.",
    });
    expect(await chosen({ configFlag: "../mcpctl.yaml" })).toBe("anybody");
    expect(await chosen({ cwd: join(home, "p") })).toBe("anybody");
  });
});
