import { afterAll, beforeAll, expect, it } from "vitest";
import { callHeaders, send } from "../support/gateway.ts";
import { startStage, type Stage } from "./support/stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
}, 120_000);
afterAll(() => stage.stop());

/** What each gateway answers to a call with this token; a backend that is away makes it 502. */
const statuses = async (token: string): Promise<number[]> =>
  Promise.all(
    stage.gateways.map(async ({ url }) => {
      const headers = callHeaders(token);
      const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
      return (await send(url, { path: "/mcp/eks-ro/mcp", headers, body })).status;
    }),
  );

it("a key works everywhere once it is made, two while one is rotated, and none once it is revoked", async () => {
  const made = await stage.mcpctl("keys", "create", "--role", "dev-readonly", "--user", "agent-01", "-o", "token");
  expect({ code: made.code, err: made.err }).toMatchObject({
    code: 0,
    err: expect.stringContaining("3 of 3 gateways enforce it"),
  });
  const first = made.out.trim();
  expect(await statuses(first)).toEqual([502, 502, 502]);
});
