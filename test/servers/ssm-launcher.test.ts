import { writeFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { LaunchedProject } from "../support/launcher.ts";
import { MOTO_ACCOUNT, motoAvailable, startMoto, TEST_CREDENTIALS, type MotoServer } from "../support/moto.ts";

const CREATE = ["keys", "create", "--role", "dev-readonly", "--user"] as const;

describe.skipIf(!motoAvailable())("mcpctl on SSM", () => {
  let moto: MotoServer;
  let project: LaunchedProject;
  let paths = 0;

  beforeAll(async () => {
    moto = await startMoto();
  });
  afterAll(async () => {
    await moto.stop();
  });

  beforeEach(async () => {
    project = await LaunchedProject.create({
      AWS_ENDPOINT_URL: moto.url,
      AWS_ACCESS_KEY_ID: TEST_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: TEST_CREDENTIALS.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: "true",
    });
    const path = `/launched-${(paths += 1)}/keys`;
    const store = (account: string) => `{ type: ssm, path: ${path}, region: eu-central-1, account: "${account}" }`;
    const cluster = "{ context: c, cluster: 3f0c1c0e-6d0e-4a7e-9d0b-5a4e8b1d2c3f, namespace: mcp-gateway }";
    await writeFile(
      project.path("mcpctl.yaml"),
      `currentContext: here
contexts:
  - { name: here, store: ${store(MOTO_ACCOUNT)} }
  - { name: elsewhere, store: ${store("111122223333")} }
  - { name: clustered, store: ${store(MOTO_ACCOUNT)}, kubernetes: ${cluster} }
`,
    );
  });
  afterEach(async () => {
    await project.remove();
  });

  const states = async (): Promise<Record<string, string[]>> => {
    const { out } = await project.mcpctl("keys", "list", "-o", "json");
    const keys = JSON.parse(out) as { user: string; state: string }[];
    return Object.fromEntries(
      [...new Set(keys.map(({ user }) => user))].map((user) => [
        user,
        keys.filter((key) => key.user === user).map(({ state }) => state),
      ]),
    );
  };

  it("makes, rotates and revokes a key, each proven by reading it back", async () => {
    expect(await project.mcpctl(...CREATE, "alice", "-o", "token")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^bWNwa1[A-Za-z0-9+/]{66}\n$/),
    });
    expect(await states()).toEqual({ alice: ["active"] });
    expect(await project.mcpctl("keys", "rotate", "--user", "alice", "--yes", "-o", "token")).toMatchObject({
      code: 0,
    });
    expect(await states()).toEqual({ alice: ["active", "superseded"] });
    expect(await project.mcpctl("keys", "revoke", "--user", "alice", "--yes")).toMatchObject({ code: 0 });
    expect(await states()).toEqual({ alice: ["revoked", "revoked"] });
    const again = await project.mcpctl("keys", "revoke", "--user", "alice", "--yes");
    expect(again).toMatchObject({
      code: 0,
      err: expect.stringMatching(/^(k_\w{12} was already revoked at [\dT:Z-]+\.\n){2}Context here: ssm [^\n]*\.\n$/),
    });
  });

  it("writes nothing into an account that is not the pinned one", async () => {
    const refused = await project.mcpctl(...CREATE, "alice", "-o", "token", "--context", "elsewhere");
    expect(refused).toMatchObject({ code: 3, out: "", err: expect.stringContaining("pinned to account 111122223333") });
    expect(await states()).toEqual({});
  });

  it("answers nothing about an account that is not the pinned one, least of all that there is no key", async () => {
    expect(await project.mcpctl(...CREATE, "alice", "-o", "token")).toMatchObject({ code: 0 });
    for (const argv of [
      ["keys", "list"],
      ["keys", "show", "k_000000000000"],
      ["keys", "rotate", "--user", "alice", "--yes", "-o", "token"],
      ["keys", "revoke", "--user", "alice", "--yes"],
      ["keys", "revoke", "--user", "alice", "--dry-run"],
    ]) {
      const { code, out, err } = await project.mcpctl(...argv, "--context", "elsewhere");
      expect({ argv, code, out, first: err.split("\n")[0] }).toEqual({
        argv,
        code: 3,
        out: "",
        first: `error: The AWS credentials in use are of account ${MOTO_ACCOUNT}, but this context is pinned to account 111122223333.`,
      });
    }
    expect(await states()).toEqual({ alice: ["active"] });
  });

  it("ends with 6 in a context with a cluster, where no gateway was asked, and with 0 where that is not wanted", async () => {
    const told = expect.stringContaining('the kubeconfig has no context "c"');
    const inCluster = ["--context", "clustered"] as const;
    expect(await project.mcpctl(...CREATE, "bob", "-o", "token", ...inCluster)).toMatchObject({ code: 6, err: told });
    expect(await project.mcpctl("keys", "revoke", "--user", "bob", "--yes", ...inCluster)).toMatchObject({
      code: 6,
      err: told,
    });
    expect(await project.mcpctl("keys", "revoke", "--user", "bob", "--yes", "--no-wait", ...inCluster)).toMatchObject({
      code: 0,
    });
  });

  it("two processes that make 20 keys each at once end with 40", async () => {
    const makeTwenty = async (user: string): Promise<void> => {
      for (let made = 0; made < 20; made += 1) {
        expect(await project.mcpctl(...CREATE, user, "-o", "token")).toMatchObject({ code: 0 });
      }
    };
    await Promise.all(["ann", "ben"].map(makeTwenty));
    const twenty = Array.from({ length: 20 }, () => "active");
    expect(await states()).toEqual({ ann: twenty, ben: twenty });
  });
});
