import { afterAll, beforeAll, expect, it } from "vitest";
import { callHeaders, send } from "../support/gateway.ts";
import { NAMESPACE, KEYS, PATH } from "./support/manifests.ts";
import { parameterNames, ssmCall } from "./support/parameters.ts";
import { startStage, type Stage } from "./support/stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
}, 120_000);
afterAll(() => stage.stop());

/** No backend runs here: what is let through meets nobody. */
const ACCEPTED = [502, 502, 502];
const REFUSED = [401, 401, 401];

const statuses = async (token: string): Promise<number[]> =>
  Promise.all(
    stage.gateways.map(async ({ url }) => {
      const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
      return (await send(url, { path: "/mcp/eks-ro/mcp", headers: callHeaders(token), body })).status;
    }),
  );

/** Runs a command that must end well everywhere; gives its standard output. */
const proven = async (...args: readonly string[]): Promise<string> => {
  const { code, out, err } = await stage.mcpctl(...args);
  expect({ args, code, err }).toEqual({ args, code: 0, err: expect.stringMatching(/3 of 3 gateways enforce it/) });
  return out;
};

const create = async (user: string): Promise<string> =>
  (await proven("keys", "create", "--role", "dev-readonly", "--user", user, "-o", "token")).trim();

const secretData = async (): Promise<Record<string, string>> => {
  const text = await stage.kubernetes.kubectl(["get", "secret", KEYS, `--namespace=${NAMESPACE}`, "-o", "json"]);
  const { data } = JSON.parse(text) as { data: Record<string, string> };
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString()]));
};

it("a key works everywhere once it is made, two while one is rotated, and none once it is revoked", async () => {
  const first = await create("agent-01");
  expect(await statuses(first)).toEqual(ACCEPTED);

  const rotated = await proven("keys", "rotate", "--user", "agent-01", "--grace", "1h", "-o", "json", "--yes");
  const second = (JSON.parse(rotated) as { token: string }).token;
  expect({ first: await statuses(first), second: await statuses(second) }).toEqual({
    first: ACCEPTED,
    second: ACCEPTED,
  });

  await proven("keys", "revoke", "--user", "agent-01", "--yes");
  expect({ first: await statuses(first), second: await statuses(second) }).toEqual({ first: REFUSED, second: REFUSED });
});

it("the last key that is deleted from the store disappears from the Secret, too", async () => {
  const token = await create("agent-02");
  const { out } = await stage.mcpctl("keys", "list", "-o", "json");
  for (const Name of await parameterNames(stage.moto.url, PATH))
    await ssmCall(stage.moto.url, "DeleteParameter", { Name });
  expect(JSON.parse(out)).toHaveLength(3);
  expect(await stage.mcpctl("sync")).toMatchObject({ code: 0 });
  expect(await secretData()).toEqual({ "keys.json": "{}", synced: expect.stringMatching(/^\d{4}-.*Z$/) });
  expect(await statuses(token)).toEqual(REFUSED);
});
