import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HONEST, PASSED, refused, startScene, type Scene, type Verdict } from "../support/incident.ts";

/**
 * The story (Kong's AI MCP proxy, changelog of 3.13.0.0): malformed `tools/call` messages were accepted; a call that the
 * rules cannot read may reach a server that can. This gateway refuses what is not exactly one JSON-RPC 2.0 message,
 * and a call whose tool it cannot name; what it lets through, it has read as the backend will.
 */
let scene: Scene;
beforeAll(async () => {
  scene = await startScene();
});
afterAll(() => scene.close());

const NARROW = { path: "/mcp/narrow/mcp" };
const NO_MESSAGE = refused(400, -32600, "not_json_rpc");
const NO_JSON = refused(400, -32700, "body_malformed");
const DENIED = refused(200, -32602, "tool_not_granted");
const NO_METHOD = refused(200, -32601, "method_not_granted");
const message = (members: object): string =>
  JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", ...members });
const GOOD = { name: "eks_get_pods", arguments: {} };

describe("a tools/call", () => {
  it.each<[string, string, Verdict]>([
    ["no parameters", message({}), NO_MESSAGE],
    ["parameters in an array", message({ params: ["eks_delete_pod", {}] }), NO_MESSAGE],
    ["an array of parameters", message({ params: [GOOD] }), NO_MESSAGE],
    ["null for parameters", message({ params: null }), NO_MESSAGE],
    ["a string for parameters", message({ params: "eks_delete_pod" }), NO_MESSAGE],
    ["no tool", message({ params: { arguments: {} } }), NO_MESSAGE],
    ["null for a tool", message({ params: { name: null } }), NO_MESSAGE],
    ["a number for a tool", message({ params: { name: 7 } }), NO_MESSAGE],
    ["an array for a tool", message({ params: { name: ["eks_get_pods"] } }), NO_MESSAGE],
    ["an object for a tool", message({ params: { name: { toString: "eks_get_pods" } } }), NO_MESSAGE],
    ["the tool in its metadata", message({ params: { _meta: { name: "eks_get_pods" } } }), NO_MESSAGE],
    ["the tool beside its parameters", message({ name: "eks_get_pods", params: {} }), NO_MESSAGE],
    ["an empty tool", message({ params: { name: "" } }), DENIED],
    ["a tool in other letters", message({ params: { name: "EKS_GET_PODS" } }), DENIED],
    ["a space before its tool", message({ params: { name: " eks_get_pods" } }), DENIED],
    ["a tool of a prototype", message({ params: { name: "__proto__" } }), DENIED],
    ["a pattern for a tool", message({ params: { name: "*" } }), DENIED],
    ["another version of JSON-RPC", message({ jsonrpc: "1.0", params: GOOD }), NO_MESSAGE],
    ["a number for its version", message({ jsonrpc: 2, params: GOOD }), NO_MESSAGE],
    ["no version", message({ jsonrpc: undefined, params: GOOD }), NO_MESSAGE],
    ["an object for its id", message({ id: {}, params: GOOD }), NO_MESSAGE],
    ["an array for its id", message({ id: [1], params: GOOD }), NO_MESSAGE],
    ["true for its id", message({ id: true, params: GOOD }), NO_MESSAGE],
    ["a result", message({ params: GOOD, result: {} }), NO_MESSAGE],
    ["an error", message({ params: GOOD, error: { code: 1, message: "" } }), NO_MESSAGE],
    ["an array for its method", message({ method: ["tools/call"], params: GOOD }), NO_MESSAGE],
    ["null for its method", message({ method: null, params: GOOD }), NO_MESSAGE],
    ["a comment", HONEST.replace("{", "{/* */"), NO_JSON],
    ["a comma too many", HONEST.replace(/\}$/, ",}"), NO_JSON],
    ["single quotes", HONEST.replaceAll('"', "'"), NO_JSON],
    ["not a number", HONEST.replace('"production"', "NaN"), NO_JSON],
    ["a raw line end in a string", HONEST.replace("production", "produc\ntion"), NO_JSON],
    ["half of it missing", HONEST.slice(0, 60), NO_JSON],
    ["too many levels", HONEST.replace('"production"', `${"[".repeat(130)}${"]".repeat(130)}`), NO_JSON],
  ])("with %s is refused, and a sound one passes", async (_what, body, verdict) => {
    expect(await scene.verdicts([scene.call(body, [], NARROW), scene.call(HONEST, [], NARROW)])).toEqual([
      verdict,
      PASSED,
    ]);
  });

  it("with null for a tool is refused where every tool is granted too, for its record could not say what was asked", async () => {
    const nameless = message({ params: { name: null, arguments: { namespace: "production" } } });
    expect(await scene.verdicts([scene.call(nameless), scene.call()])).toEqual([NO_MESSAGE, PASSED]);
  });

  it.each<[string, string, Verdict]>([
    ["as a notification", '{"jsonrpc":"2.0","method":"tools/call","params":{"name":"eks_delete_pod"}}', DENIED],
    ["with null for its id", message({ id: null, params: { name: "eks_delete_pod" } }), DENIED],
    [
      "with an escaped method",
      message({ params: { name: "eks_delete_pod" } }).replace("tools/call", "tools\\/c\\u0061ll"),
      DENIED,
    ],
    ["with an escaped tool", message({ params: { name: "eks_delete_pod" } }).replace("delete", "d\\u0065lete"), DENIED],
    ["under a method in capitals", message({ method: "Tools/Call", params: { name: "eks_delete_pod" } }), NO_METHOD],
    ["under a method with a space", message({ method: "tools/call ", params: { name: "eks_delete_pod" } }), NO_METHOD],
    ["under another method", message({ method: "tools/invoke", params: { name: "eks_delete_pod" } }), NO_METHOD],
    ["under an empty method", message({ method: "", params: { name: "eks_delete_pod" } }), NO_METHOD],
  ])("of a denied tool, sent %s, never reaches the backend", async (_what, body, verdict) => {
    const allowed = body.replace(/eks_d(?:e|\\u0065)lete_pod/, "eks_get_pods");
    const [denied, same] = await scene.verdicts([scene.call(body, [], NARROW), scene.call(allowed, [], NARROW)]);
    expect([denied, same]).toEqual([verdict, verdict === DENIED ? PASSED : NO_METHOD]);
  });

  it.each([
    ["a response without an id", '{"jsonrpc":"2.0","result":{}}'],
    ["a response with a result and an error", '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}'],
    ["a response with neither", '{"jsonrpc":"2.0","id":1}'],
    ["a response with parameters", '{"jsonrpc":"2.0","id":1,"result":{},"params":{"name":"eks_delete_pod"}}'],
  ])("does not hide in %s", async (_what, body) => {
    const sound = '{"jsonrpc":"2.0","id":1,"result":{"action":"accept"}}';
    expect(await scene.verdicts([scene.call(body, [], NARROW), scene.call(sound, [], NARROW)])).toEqual([
      NO_MESSAGE,
      PASSED,
    ]);
  });
});
