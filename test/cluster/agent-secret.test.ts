import { afterAll, beforeAll, expect, it } from "vitest";
import { callHeaders, send } from "../support/gateway.ts";
import { namespaceOf } from "./support/manifests.ts";
import { startStage, type Stage } from "./support/stage.ts";

const AGENTS = "agents";
let stage: Stage;
beforeAll(async () => {
  stage = await startStage({ gateways: 1 });
  await stage.apply(
    namespaceOf(AGENTS),
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "Role",
      metadata: { name: "tokens", namespace: AGENTS },
      rules: [{ apiGroups: [""], resources: ["secrets"], verbs: ["get", "create", "patch"] }],
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata: { name: "tokens", namespace: AGENTS },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "tokens" },
      subjects: [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "oncall" }],
    },
  );
}, 120_000);
afterAll(() => stage.stop());

const create = (name: string, ...more: readonly string[]) =>
  stage.mcpctl(
    "keys",
    "create",
    "--role",
    "dev-readonly",
    "--user",
    name,
    "--out",
    `secret:${AGENTS}/${name}`,
    ...more,
  );

interface Held {
  readonly id: string | undefined;
  readonly token: string;
}

async function held(name: string): Promise<Held> {
  const text = await stage.kubernetes.kubectl(["get", "secret", name, `--namespace=${AGENTS}`, "-o", "json"]);
  const { metadata, data } = JSON.parse(text) as {
    metadata: { annotations?: Record<string, string> };
    data: Record<string, string>;
  };
  return {
    id: metadata.annotations?.["mcpctl/key-id"],
    token: Buffer.from(data["token"] ?? "", "base64").toString(),
  };
}

const status = async (token: string): Promise<number> => {
  const [gateway] = stage.gateways;
  const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  return (await send(gateway?.url ?? "", { path: "/mcp/eks-ro/mcp", headers: callHeaders(token), body })).status;
};

it("a token goes to a Secret of the agent and nowhere else, and its successor takes its place", async () => {
  const made = await create("agent-01");
  expect(made).toMatchObject({ code: 0, out: "", err: expect.stringContaining(`went to Secret ${AGENTS}/agent-01`) });
  const first = await held("agent-01");
  expect(first).toEqual({
    id: expect.stringMatching(/^k_[0-9a-f]{12}$/),
    token: expect.stringMatching(/^bWNwa1\S{66}$/),
  });
  expect(made.err).not.toContain(first.token);
  expect(await status(first.token)).toBe(502);

  const rotated = await stage.mcpctl("keys", "rotate", first.id ?? "", "--grace", "1h", "--yes");
  expect(rotated).toMatchObject({ code: 0, out: "" });
  const second = await held("agent-01");
  expect(second.id).not.toBe(first.id);
  expect([await status(first.token), await status(second.token)]).toEqual([502, 502]);

  // Many at once: each in its own Secret, others where they were asked for.
  expect(await stage.mcpctl("keys", "rotate", "--user", "agent-01", "--yes")).toMatchObject({ code: 0, out: "" });
  expect((await held("agent-01")).id).not.toBe(second.id);
}, 60_000);

it("a Secret that is not ours is left alone, and no key is made for it", async () => {
  await stage.kubernetes.kubectl([
    "create",
    "secret",
    "generic",
    "theirs",
    `--namespace=${AGENTS}`,
    "--from-literal=token=x",
  ]);
  const before = JSON.parse((await stage.mcpctl("keys", "list", "-o", "json")).out) as unknown[];
  expect(await create("theirs")).toMatchObject({ code: 3, err: expect.stringContaining("was not made by mcpctl") });
  expect(await create("agent-01")).toMatchObject({ code: 3, err: expect.stringContaining("holds the token of k_") });
  expect(await create("agent-02", "-o", "json")).toMatchObject({ code: 2 });
  const elsewhere = [
    "keys",
    "create",
    "--role",
    "dev-readonly",
    "--user",
    "agent-03",
    "--out",
    "secret:default/agent-03",
  ];
  expect(await stage.mcpctl(...elsewhere)).toMatchObject({
    code: 4,
    err: expect.stringContaining('get secrets "agent-03" in namespace default was refused'),
  });
  expect(await held("theirs")).toEqual({ id: undefined, token: "x" });
  expect(JSON.parse((await stage.mcpctl("keys", "list", "-o", "json")).out)).toHaveLength(before.length);
});

it("a Secret that somebody else changed or removed stops the rotation before there is a successor", async () => {
  expect(await create("agent-04")).toMatchObject({ code: 0 });
  const { id = "" } = await held("agent-04");
  await stage.kubernetes.kubectl([
    "annotate",
    "--overwrite",
    "secret",
    "agent-04",
    `--namespace=${AGENTS}`,
    "mcpctl/key-id=k_000000000000",
  ]);
  expect(await stage.mcpctl("keys", "rotate", id, "--yes")).toMatchObject({
    code: 3,
    err: expect.stringContaining("holds the token of k_000000000000"),
  });
  await stage.kubernetes.kubectl(["delete", "secret", "agent-04", `--namespace=${AGENTS}`]);
  expect(await stage.mcpctl("keys", "rotate", id, "--yes")).toMatchObject({
    code: 3,
    err: expect.stringContaining("does not exist"),
  });
  const { out } = await stage.mcpctl("keys", "list", "--user", "agent-04", "-o", "json");
  expect(JSON.parse(out)).toMatchObject([{ id, state: "active" }]);
});
