import { afterAll, beforeAll, expect, it } from "vitest";
import type { AuditRecord } from "../../src/lib/audit/record.ts";
import { callHeaders, send, toolCall, type Answer, type Ask } from "../support/gateway.ts";
import { startScene, type Scene } from "../support/incident.ts";

/**
 * The story (toolhive#5827): a denied tool was answered like one that does not exist, as it should be, but the audit log
 * could not tell the two apart either, and nobody saw the denial. This gateway tells an agent nothing that tells a
 * denied tool from a made-up one, and writes the true reason, who asked and with what, under the very request id that
 * the agent was given.
 */
let scene: Scene;
beforeAll(async () => {
  scene = await startScene({ urls: { internal: "http://127.0.0.1:1" } });
});
afterAll(() => scene.close());

interface Told {
  readonly error: { readonly code: number; readonly message: string; readonly data: { readonly request_id: string } };
}

const toldBy = ({ body }: Answer): Told => JSON.parse(body) as Told;
/** An answer as the agent sees it, without what differs from call to call. */
const seen = (answer: Answer, tool: string): unknown => ({
  status: answer.status,
  headers: Object.keys(answer.headers).toSorted(),
  body: answer.body.replaceAll(tool, "TOOL").replace(/req_[\w-]+/, "REQUEST"),
});

/** What an operator finds under the id that this answer gave. */
async function foundUnder(answer: Answer): Promise<readonly AuditRecord[]> {
  const id = toldBy(answer).error.data.request_id;
  return (await scene.gateway.records()).filter((record) => record.request_id === id);
}

it("a denied tool and a made-up one look the same to the agent", async () => {
  const tools = ["eks_delete_pod", "eks_no_such_tool", "eks_DELETE_pod", "constructor"];
  const answers = await scene.answers(tools.map((tool) => narrow(toolCall(tool, '{"name":"api-0"}'))));
  const looks = answers.map((answer, at) => seen(answer, tools[at] ?? ""));
  expect(looks).toEqual(looks.map(() => looks[0]));
  expect(answers.map((answer) => toldBy(answer).error)).toEqual(
    answers.map((answer, at) => ({
      code: -32602,
      message: `Unknown tool: ${tools[at]}`,
      data: { request_id: toldBy(answer).error.data.request_id },
    })),
  );
  expect(scene.backend.received).toEqual([]);
});

it("the operator finds who was denied which tool, with which arguments and why, under the agent's request id", async () => {
  const [answer] = await scene.answers([narrow(toolCall("eks_delete_pod", '{"name":"api-0"}'))]);
  const found = answer === undefined ? [] : await foundUnder(answer);
  expect(found).toEqual([
    {
      type: "mcp_refusal",
      phase: "final",
      ts: expect.any(String) as unknown,
      request_id: expect.stringMatching(/^req_[\w-]{16}$/) as unknown,
      instance: "gw-test",
      seq: expect.any(Number) as unknown,
      client_ip: "127.0.0.1",
      key_id: scene.gateway.key.id,
      user: "agent-01",
      role: "dev-readonly",
      backend: "narrow",
      method: "tools/call",
      jsonrpc_id: 1,
      protocol_version: null,
      mcp_session: null,
      trace_id: null,
      span_id: null,
      tool_name: "eks_delete_pod",
      tool_args: { name: "api-0" },
      params: null,
      cut_strings: 0,
      mrtr_retry: false,
      policy: expect.stringMatching(/^[0-9a-f]{16}$/) as unknown,
      decision: "deny",
      reason: "tool_not_granted",
      http_status: 200,
      rpc_error_code: -32602,
      is_error: null,
      bytes_in: expect.any(Number) as unknown,
      bytes_out: expect.any(Number) as unknown,
      unsampled: 0,
      duration_ms: expect.any(Number) as unknown,
    },
  ]);
});

it.each<[string, () => Ask, string]>([
  ["a denied tool", () => narrow(toolCall("eks_delete_pod")), "tool_not_granted"],
  ["a denied method", () => narrow('{"jsonrpc":"2.0","id":1,"method":"resources/list"}'), "method_not_granted"],
  ["a batch", () => narrow("[]"), "not_json_rpc"],
  ["a name twice", () => narrow('{"jsonrpc":"2.0","id":1,"id":1,"method":"ping"}'), "body_ambiguous"],
  [
    "a backend that is not granted",
    () => scene.call(undefined, [], { path: "/mcp/internal/mcp" }),
    "backend_not_granted",
  ],
  ["a backend that is not there", () => scene.call(undefined, [], { path: "/mcp/none/mcp" }), "backend_unknown"],
  ["a path that is not there", () => scene.call(undefined, [], { path: "/mcp/eks-ro/none" }), "path_unknown"],
  ["no key", () => ({ headers: ["content-type", "application/json"], body: "{}" }), "key_missing"],
  ["another host", () => scene.call(undefined, ["host", "evil.example"]), "host_not_allowed"],
])(
  "%s has one record under the agent's request id, which tells the reason that the answer does not",
  async (_what, ask, reason) => {
    const [answer] = await scene.answers([ask()]);
    const found = answer === undefined ? [] : await foundUnder(answer);
    expect(found.map((record) => [record.type, record.decision, record.reason])).toEqual([
      ["mcp_refusal", "deny", reason],
    ]);
    expect(answer?.body.includes(reason)).toBe(false);
  },
);

it("a call that passes has one record too, of another type", async () => {
  const before = (await scene.gateway.records()).length;
  await scene.answers([narrow(toolCall("eks_get_pods"))]);
  expect(
    (await scene.gateway.records()).slice(before).map((record) => [record.type, record.decision, record.reason]),
  ).toEqual([["mcp_tool_call", "allow", "granted"]]);
});

it("denials are counted where an operator looks, apart from other refusals", async () => {
  const { body } = await send(scene.gateway.adminUrl, { method: "GET", path: "/metrics" });
  const reasons = [...body.matchAll(/backend="narrow",decision="deny",reason="(\w+)"/g)].map(([, reason]) => reason);
  expect(reasons).toContain("tool_not_granted");
});

function narrow(body: string): Ask {
  return { path: "/mcp/narrow/mcp", headers: callHeaders(scene.gateway.key), body };
}
