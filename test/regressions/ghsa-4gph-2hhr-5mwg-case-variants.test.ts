import { afterAll, beforeAll, expect, it } from "vitest";
import { DENIED_TOOL, HONEST, PASSED, refused, startScene, type Scene } from "../support/incident.ts";

/**
 * The story (GHSA-4gph-2hhr-5mwg, Envoy AI Gateway): the gateway read `name` and `arguments`, but case variants of them,
 * `Name` and `Arguments`, overrode the two when it wrote the message anew. What was decided on was not what was sent.
 * This gateway forwards the very bytes that it decided on, and refuses a message whose names another parser could read
 * otherwise: a name twice, or a deciding name in another case.
 */
let scene: Scene;
beforeAll(async () => {
  scene = await startScene();
});
afterAll(() => scene.close());

const NARROW = { path: "/mcp/narrow/mcp" };
const AMBIGUOUS = refused(400, -32600, "body_ambiguous");
const VERSION = '"io.modelcontextprotocol/protocolVersion"';
const withMeta = (meta: string): string => HONEST.replace('"params":{', `"params":{"_meta":{${meta}},`);
const withMember = (member: string): string => HONEST.replace('{"jsonrpc"', `{${member},"jsonrpc"`);
const withParam = (member: string): string => HONEST.replace('"params":{', `"params":{${member},`);
const withParamLast = (member: string): string => HONEST.replace(/\}\}$/, `,${member}}}`);

it.each([
  ["the tool", withParam('"Name":"eks_delete_pod"')],
  ["the tool, last", withParamLast('"NAME":"eks_delete_pod"')],
  ["the arguments", withParam('"Arguments":{"namespace":"kube-system"}')],
  ["the arguments, with a long s", withParam('"argument\u017f":{}')],
  ["the metadata", withParam('"_META":{}')],
  ["the resource", withParam('"URI":"file:///etc/passwd"')],
  ["the task", withParam('"taskID":"7"')],
  ["the task, with the Kelvin sign", withParam('"tas\u212aId":"7"')],
  ["the method", withMember('"Method":"tools/list"')],
  ["the parameters", withMember('"Params":{"name":"eks_delete_pod"}')],
  ["the parameters, with a long s", withMember('"param\u017f":{"name":"eks_delete_pod"}')],
  ["the id", withMember('"ID":2')],
  ["the version of JSON-RPC", withMember('"JsonRpc":"1.0"')],
  ["the result", withMember('"Result":{}')],
  ["the error", withMember('"ERROR":{}')],
  ["the variant escaped", withParam('"\\u004eame":"eks_delete_pod"')],
  ["the revision", withMeta(VERSION.replace("protocolVersion", "ProtocolVersion") + ':"2026-07-28"')],
])("refuses a message with %s in another case", async (_what, body) => {
  expect(JSON.parse(body)).toBeTypeOf("object");
  expect(await scene.verdicts([scene.call(body, [], NARROW), scene.call(HONEST, [], NARROW)])).toEqual([
    AMBIGUOUS,
    PASSED,
  ]);
});

it.each([
  ["the method", withMember('"method":"tools/list"')],
  ["the id", withMember('"id":2')],
  ["the version of JSON-RPC", withMember('"jsonrpc":"2.0"')],
  ["the parameters", withMember('"params":{"name":"eks_delete_pod"}')],
  ["a name of no meaning", withMember('"x":1,"x":1')],
  ["the tool", withParam('"name":"eks_delete_pod"')],
  ["the tool, once escaped", withParam('"\\u006eame":"eks_delete_pod"')],
  ["the tool, with the same value", withParam('"name":"eks_get_pods"')],
  ["the arguments", withParam('"arguments":{}')],
  ["the metadata", withParam('"_meta":{},"_meta":{}')],
  ["the revision", withMeta(`${VERSION}:"2025-11-25",${VERSION}:"2026-07-28"`)],
  ["an argument", HONEST.replace('"namespace"', '"namespace":"kube-system","namespace"')],
  ["an argument of an argument", HONEST.replace('"production"', '[{"a":{"b":1,"b":2}}]')],
  ["an empty name", withMember('"":1,"":2')],
])("refuses a message with %s twice", async (_what, body) => {
  expect(JSON.parse(body)).toBeTypeOf("object");
  expect(await scene.verdicts([scene.call(body, [], NARROW), scene.call(HONEST, [], NARROW)])).toEqual([
    AMBIGUOUS,
    PASSED,
  ]);
});

it.each([
  ["arguments that differ in case only", HONEST.replace('"namespace"', '"Name":"a","name":"b","NAME":"c","namespace"')],
  ["the same name in two objects", HONEST.replace('"production"', '[{"a":1},{"a":2}]')],
  [
    "spaces, escapes and numbers of every form",
    HONEST.replace('"production"', ' [ 1.0 , 12345678901234567890, "\\u0061" ] '),
  ],
])("passes %s, byte for byte", async (_what, body) => {
  expect(await scene.verdicts([scene.call(body, [], NARROW)])).toEqual([PASSED]);
  expect(scene.backend.received.at(-1)?.body.toString("utf8")).toBe(body);
});

it("refuses the plain form of the denied call too, so that the variants were no other rule's doing", async () => {
  expect(await scene.verdicts([scene.call(DENIED_TOOL, [], NARROW)])).toEqual([
    refused(200, -32602, "tool_not_granted"),
  ]);
});
