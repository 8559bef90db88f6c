import { readFile } from "node:fs/promises";
import { afterEach, describe, expect, it } from "vitest";
import { callHeaders, send, toolCall, type Answer } from "../support/gateway.ts";
import { DENIED_TOOL, HONEST, PASSED, refused, startScene, type Scene } from "../support/incident.ts";

/**
 * The story (token passthrough, in MCP's security best practices): a proxy hands its caller's token to the server
 * behind it, where whoever runs or reads that server can use it. This gateway's keys open every backend of a role, so
 * none of them may see one: a key reaches no pod, no audit record, no log line, no metric and no error, in any of its
 * forms, whatever place a client puts it in by mistake.
 */
let scene: Scene;
afterEach(() => scene.close());

/** The token, the key that it encodes, and the middle of each: what no text may hold. */
function secretsOf({ gateway }: Scene): readonly string[] {
  const token = gateway.key.token.reveal();
  const key = Buffer.from(token, "base64").toString("latin1");
  return [token, key, token.slice(24, 48), key.slice(18, 36)];
}
const leaks = (text: string): readonly string[] => secretsOf(scene).filter((secret) => text.includes(secret));

const told = (answer: Answer): string => JSON.stringify([answer.headers, answer.body]);
const auditFile = (): Promise<string> => readFile(`${scene.gateway.folder}/log/audit.jsonl`, "utf8");
async function adminPages(): Promise<string> {
  const pages = ["/healthz", "/readyz", "/metrics", "/state", `/state?key=${scene.gateway.key.id}`];
  const answers = await Promise.all(pages.map((path) => send(scene.gateway.adminUrl, { method: "GET", path })));
  return answers.map(told).join();
}

/** What backends got, beside the body. */
const heads = (): string =>
  JSON.stringify(scene.backend.received.map(({ method, url, rawHeaders }) => [method, url, rawHeaders]));
const bodies = (): string => scene.backend.received.map(({ body }) => body.toString("latin1")).join();

describe("the key", () => {
  it.each([
    ["as it should", (token: string) => ["authorization", `Bearer ${token}`]],
    ["in capitals", (token: string) => ["AUTHORIZATION", `BEARER ${token}`]],
    [
      "and to proxies too",
      (token: string) => ["authorization", `Bearer ${token}`, "Proxy-Authorization", `Bearer ${token}`],
    ],
    ["and in a cookie", (token: string) => ["authorization", `Bearer ${token}`, "Cookie", `session=${token}`]],
    [
      "and under a name with an underscore",
      (token: string) => ["authorization", `Bearer ${token}`, "x_api_key", token],
    ],
    [
      "and as who it is",
      (token: string) => ["authorization", `Bearer ${token}`, "x-mcpctl-user", token, "x-request-id", token],
    ],
  ])("sent %s opens a backend and never reaches it", async (_what, headers) => {
    scene = await startScene();
    const ask = {
      headers: ["content-type", "application/json", ...headers(scene.gateway.key.token.reveal())],
      body: HONEST,
    };
    expect(await scene.verdicts([ask])).toEqual([PASSED]);
    expect(
      leaks(heads() + bodies() + (await auditFile()) + scene.gateway.logged.join() + (await adminPages())),
    ).toEqual([]);
  });

  it("is not told by a call of any HTTP method that reaches a backend", async () => {
    scene = await startScene();
    const session = await scene.openSession();
    const headers = [...callHeaders(scene.gateway.key), "mcp-session-id", session];
    expect(
      await scene.verdicts([
        { method: "GET", headers },
        { method: "DELETE", headers },
      ]),
    ).toEqual([PASSED, PASSED]);
    expect(leaks(heads() + (await auditFile()))).toEqual([]);
  });

  it.each([
    ["an argument", (text: string) => toolCall("t", JSON.stringify({ key: text }))],
    ["an argument's name", (text: string) => toolCall("t", JSON.stringify({ [text]: 1 }))],
    ["an argument, escaped", (text: string) => toolCall("t", `{"key":"${text.replaceAll(/./g, escaped)}"}`)],
    [
      "an argument, between other text",
      (text: string) => toolCall("t", JSON.stringify({ a: [[`curl -H '${text}' -k`]] })),
    ],
    ["the tool's name", (text: string) => toolCall(text)],
    ["the method", (text: string) => JSON.stringify({ jsonrpc: "2.0", id: 1, method: text })],
  ])("pasted into %s is never recorded", async (_what, bodyOf) => {
    scene = await startScene();
    const token = scene.gateway.key.token.reveal();
    const key = Buffer.from(token, "base64").toString("latin1");
    expect(await scene.verdicts([token, key].map((text) => scene.call(bodyOf(text))))).toEqual([PASSED, PASSED]);
    const audit = await auditFile();
    expect([
      leaks(audit + scene.gateway.logged.join() + (await adminPages())),
      audit.split(`[${scene.gateway.key.id}]`).length,
    ]).toEqual([[], 3]);
  });

  it("pasted into the URL is neither recorded nor told", async () => {
    scene = await startScene();
    const token = scene.gateway.key.token.reveal();
    const paths = [`/mcp/${token}/mcp`, `/mcp/eks-ro/${token}`, `/mcp/eks-ro/mcp?access_token=${token}`, `/${token}`];
    const answers = await scene.answers(paths.map((path) => ({ path, body: HONEST })));
    expect(
      leaks(answers.map(told).join() + (await auditFile()) + scene.gateway.logged.join() + (await adminPages())),
    ).toEqual([]);
    expect(answers.map(({ status }) => status)).toEqual([404, 401, 404, 404]);
  });
});

describe("an error", () => {
  it("of any kind does not repeat the key that it refuses", async () => {
    scene = await startScene({
      urls: { sse: "http://127.0.0.1:1", "eks-rw": "http://127.0.0.1:1/rw" },
      files: {
        roles: "roleMapping: { dev-readonly: [eks-ro, sse, { backend: narrow, tools: { allow: [eks_get_*] } }] }\n",
      },
    });
    const { gateway } = scene;
    const spoiled = `${gateway.key.token.reveal()}!`;
    const asks = [
      scene.call(DENIED_TOOL, [], { path: "/mcp/narrow/mcp" }),
      scene.call(HONEST, [], { path: "/mcp/sse/mcp" }),
      scene.call(HONEST, [], { path: "/mcp/eks-rw/mcp" }),
      scene.call(HONEST, [], { path: "/mcp/none/mcp" }),
      scene.call("oops"),
      scene.call(HONEST, ["authorization", `Bearer ${gateway.key.token.reveal()}`]),
      { headers: callHeaders(spoiled), body: HONEST },
    ];
    const answers = await scene.answers(asks);
    expect(answers.map(({ status }) => status)).toEqual([200, 502, 403, 404, 400, 401, 401]);
    expect(leaks(answers.map(told).join() + (await auditFile()) + gateway.logged.join())).toEqual([]);
  });

  it("of the gateway itself is logged without the key", async () => {
    let faults = 0;
    const now = (): number => {
      if (faults === 0) return Date.now();
      faults -= 1;
      throw new Error("a fault");
    };
    scene = await startScene({ options: { clock: { now, monotonic: () => performance.now() } } });
    faults = 1;
    expect(await scene.verdicts([scene.call(), scene.call()])).toEqual([
      refused(500, -32603, "internal_error"),
      PASSED,
    ]);
    const logged = scene.gateway.logged.join("\n");
    expect([logged.includes("Error: a fault"), leaks(logged)]).toEqual([true, []]);
  });

  it("of a request that is no HTTP does not repeat it", async () => {
    scene = await startScene();
    const bearer = `authorization: Bearer ${scene.gateway.key.token.reveal()}\r\n`;
    const broken = `POST /mcp/eks-ro/mcp HTTP/1.1\r\nhost: localhost\r\n${bearer}bad header\r\n\r\n`;
    const [answer] = await scene.answers([broken]);
    expect([answer?.status, leaks(JSON.stringify(answer) + (await auditFile()) + scene.gateway.logged.join())]).toEqual(
      [400, []],
    );
  });
});

function escaped(letter: string): string {
  return `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
