import { afterAll, beforeAll, expect, it } from "vitest";
import { DENIED_TOOL, HONEST, PASSED, refused, startScene, type Scene } from "../support/incident.ts";

/**
 * The story (toolhive#5745 and #5931): an array of JSON-RPC calls went past authorization and audit, which looked at
 * single objects only, and every call in it was carried out. Official servers of older revisions do carry out batches.
 * This gateway refuses every body that is not one message, records the attempt, and forwards nothing of it.
 */
let scene: Scene;
beforeAll(async () => {
  scene = await startScene();
});
afterAll(() => scene.close());

const NARROW = { path: "/mcp/narrow/mcp" };
const NOTIFICATION = '{"jsonrpc":"2.0","method":"notifications/initialized"}';
const NO_MESSAGE = refused(400, -32600, "not_json_rpc");
const NO_JSON = refused(400, -32700, "body_malformed");

it.each([
  ["an empty batch", "[]", NO_MESSAGE],
  ["a batch of one allowed call", `[${HONEST}]`, NO_MESSAGE],
  ["a batch of one denied call", `[${DENIED_TOOL}]`, NO_MESSAGE],
  ["a denied call behind an allowed one", `[${HONEST},${DENIED_TOOL}]`, NO_MESSAGE],
  ["a hundred calls", `[${Array.from({ length: 100 }, () => DENIED_TOOL).join(",")}]`, NO_MESSAGE],
  ["a batch in a batch", `[[${DENIED_TOOL}]]`, NO_MESSAGE],
  ["a batch a hundred levels deep", `${"[".repeat(100)}${DENIED_TOOL}${"]".repeat(100)}`, NO_MESSAGE],
  ["a batch a thousand levels deep", `${"[".repeat(1000)}${"]".repeat(1000)}`, NO_JSON],
  ["a batch of notifications", `[${NOTIFICATION},${NOTIFICATION}]`, NO_MESSAGE],
  ["a batch after spaces", ` \r\n\t[${DENIED_TOOL}] `, NO_MESSAGE],
  ["a batch after a byte order mark", `\ufeff[${DENIED_TOOL}]`, NO_JSON],
  ["a call after a byte order mark", `\ufeff${DENIED_TOOL}`, NO_JSON],
  ["two calls, one after the other", `${HONEST}\n${DENIED_TOOL}`, NO_JSON],
  ["two calls with a record separator", `\u001e${HONEST}\n\u001e${DENIED_TOOL}\n`, NO_JSON],
  ["a call and a comma", `${HONEST},`, NO_JSON],
  ["a string that holds a call", JSON.stringify(DENIED_TOOL), NO_MESSAGE],
  ["a number", "1", NO_MESSAGE],
  ["null", "null", NO_MESSAGE],
])("refuses and records %s, and passes one call", async (_what, body, verdict) => {
  const before = (await scene.gateway.records()).length;
  expect(await scene.verdicts([scene.call(body, [], NARROW), scene.call(HONEST, [], NARROW)])).toEqual([
    verdict,
    PASSED,
  ]);
  expect((await scene.gateway.records())[before]).toMatchObject({
    type: "mcp_refusal",
    decision: "deny",
    key_id: scene.gateway.key.id,
    user: "agent-01",
    backend: "narrow",
    method: null,
    tool_name: null,
    tool_args: null,
  });
});

it("refuses a batch whatever revision its headers claim", async () => {
  const batch = `[${HONEST}]`;
  const versions = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];
  const attacks = versions.map((version) => scene.call(batch, ["mcp-protocol-version", version]));
  expect(await scene.verdicts([...attacks, scene.call()])).toEqual([...versions.map(() => NO_MESSAGE), PASSED]);
});
