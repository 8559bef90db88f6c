import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { mintKey } from "../../src/lib/keys/key.ts";
import { callHeaders, keysJson, registryOf, send, startTestGateway, toolCall } from "../support/gateway.ts";
import { startScene, valuesOf, type Scene } from "../support/incident.ts";
import { sendJson, startRawBackend, type RawAnswer, type Received } from "../support/mcp-backend.ts";
import { seededNumbers } from "../support/seeded.ts";

/**
 * The story (Kong's AI MCP proxy, changelog of 3.13.0.1): `tools/list` showed tools that the caller was denied. This gateway filters every list with the rule that decides calls, in whichever form and on
 * whichever stream it comes: plain, framed as events, page by page, or given again on a resumed GET stream. What is
 * listed can be called, and what is not listed cannot.
 */
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function start(answer: RawAnswer): Promise<Scene> {
  const scene = await startScene({ answer });
  closing.push(scene.close);
  return scene;
}

const LIST = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
const NARROW = { path: "/mcp/narrow/mcp" };
const listOf = (tools: readonly string[], more = ""): string =>
  `{"jsonrpc":"2.0","id":1,"result":{"tools":[${tools.map((name) => `{"name":${JSON.stringify(name)}}`).join(",")}]${more}}}`;
const ALL = ["eks_get_pods", "eks_delete_pod", "eks_get_nodes", "EKS_GET_PODS", "eks_get"];
const SHOWN = ["eks_get_pods", "eks_get_nodes"];

function sendEvents(response: ServerResponse, text: string): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.end(text);
}

describe("a list of tools", () => {
  it.each([
    ["plain", (list: string) => list, sendJson],
    ["as an event", (list: string) => `event: message\nid: 7\ndata: ${list}\n\n`, sendEvents],
    ["as the second event", (list: string) => `: hello\n\nid: 1\ndata:\n\ndata: ${list}\n\n`, sendEvents],
  ])("sent %s shows what may be called, and a grant that is not narrowed sees all", async (_what, form, answer) => {
    const scene = await start((_got, response) => answer(response, form(listOf(ALL))));
    const answers = await scene.answers([scene.call(LIST, [], NARROW), scene.call(LIST)]);
    expect(answers.map(({ status, body }) => [status, body])).toEqual([
      [200, form(listOf(SHOWN))],
      [200, form(listOf(ALL))],
    ]);
  });

  it.each([
    ["in lines of data", (list: string) => `data: ${list.replace('"result"', '\ndata: "result"')}\n\n`],
    ["with carriage returns", (list: string) => `data: ${list}\r\rdata: {"jsonrpc":"2.0","method":"x"}\r\r`],
    ["after a byte order mark", (list: string) => `\ufeffdata: ${list}\n\n`],
    ["without a space", (list: string) => `data:${list}\n\n`],
    ["in an event of another name", (list: string) => `event: tools\ndata: ${list}\n\n`],
  ])("framed %s shows nothing that may not be called", async (_what, form) => {
    const scene = await start((_got, response) => sendEvents(response, form(listOf(ALL))));
    const [answer] = await scene.answers([scene.call(LIST, [], NARROW)]);
    expect(namesIn(answer?.body ?? "")).toEqual(SHOWN);
  });

  it("in the answer to another method is filtered as well", async () => {
    const scene = await start((_got, response) => sendJson(response, listOf(ALL)));
    const bodies = ["initialized", "tools/list_changed"].map(
      (name) => `{"jsonrpc":"2.0","method":"notifications/${name}"}`,
    );
    const answers = await scene.answers(
      [...bodies, LIST.replace("tools/list", "ping")].map((body) => scene.call(body, [], NARROW)),
    );
    expect(answers.map(({ body }) => body)).toEqual(answers.map(() => listOf(SHOWN)));
  });

  it("given again on a resumed GET stream is filtered as well", async () => {
    const scene = await start((got, response) => {
      const last = Number(valuesOf(got, "last-event-id")[0] ?? 0);
      sendEvents(
        response,
        [1, 2, 3]
          .filter((id) => id > last)
          .map((id) => `id: ${id}\ndata: ${listOf(ALL)}\n\n`)
          .join(""),
      );
    });
    const session = await scene.openSession(NARROW.path);
    const headers = [...callHeaders(scene.gateway.key), "mcp-session-id", session];
    const answers = await scene.answers([
      { ...NARROW, method: "GET", headers },
      { ...NARROW, method: "GET", headers: [...headers, "last-event-id", "2"] },
    ]);
    expect(answers.map(({ body }) => body)).toEqual([
      [1, 2, 3].map((id) => `id: ${id}\ndata: ${listOf(SHOWN)}\n\n`).join(""),
      `id: 3\ndata: ${listOf(SHOWN)}\n\n`,
    ]);
  });

  it("keeps its pages, and where the next one begins, even when a page has nothing to show", async () => {
    const pages: Readonly<Record<string, readonly [readonly string[], string]>> = {
      "": [["eks_delete_pod", "eks_get_pods"], ',"nextCursor":"p2"'],
      p2: [["eks_delete_pod", "eks_drain"], ',"nextCursor":"p3"'],
      p3: [["eks_get_nodes", "eks_delete_node"], ""],
    };
    const scene = await start((got, response) => sendJson(response, listOf(...(pages[cursorOf(got)] ?? [[], ""]))));
    const asks = ["", "p2", "p3"].map((cursor) =>
      scene.call(LIST.replace("}", `,"params":{"cursor":"${cursor}"}}`), [], NARROW),
    );
    expect((await scene.answers(asks)).map(({ body }) => body)).toEqual([
      listOf(["eks_get_pods"], ',"nextCursor":"p2"'),
      listOf([], ',"nextCursor":"p3"'),
      listOf(["eks_get_nodes"]),
    ]);
  });

  it.each([
    ["in another case", '{"jsonrpc":"2.0","id":1,"Result":{"tools":[{"name":"eks_delete_pod"}]}}'],
    ["twice", '{"jsonrpc":"2.0","id":1,"result":{"tools":[],"tools":[{"name":"eks_delete_pod"}]}}'],
    ["as an object", '{"jsonrpc":"2.0","id":1,"result":{"tools":{"eks_delete_pod":{"name":"eks_delete_pod"}}}}'],
    ["in a batch", `[${listOf(ALL)}]`],
    ["after another message", `{"jsonrpc":"2.0","id":1,"result":{}}\n${listOf(ALL)}`],
  ])("written %s is not relayed", async (_what, list) => {
    const scene = await start((_got, response) => sendJson(response, list));
    expect(await scene.verdicts([scene.call(LIST, [], NARROW)])).toEqual([
      { status: 502, code: -31502, reason: "backend_malformed", reached: "the same bytes" },
    ]);
  });
});

const RULES = 200;
const CALLS_PER_RULE = 5;
const WORDS = ["eks", "s3", "get", "delete", "list", "pods", "Get", "é"];

interface Rule {
  readonly name: string;
  readonly tools: readonly string[];
  readonly rule: { readonly allow?: readonly string[]; readonly deny?: readonly string[] };
}

function randomRules(seed: number): readonly Rule[] {
  const next = seededNumbers(seed);
  const word = (): string => WORDS[next(WORDS.length)] as string;
  const tool = (): string => Array.from({ length: 1 + next(3) }, word).join("_");
  const pattern = (tools: readonly string[]): string => {
    const base = next(4) === 0 ? tool() : (tools[next(tools.length)] as string);
    const from = next(base.length + 1);
    const cut = `${base.slice(0, from)}*${base.slice(from + next(base.length - from + 1))}`;
    return ([base, cut, "*", `${word()}_*`, `*${word()}*`] as const)[next(5)] as string;
  };
  return Array.from({ length: RULES }, (_, at) => {
    const tools = [...new Set(Array.from({ length: CALLS_PER_RULE + 3 }, tool))].slice(0, CALLS_PER_RULE);
    const patterns = (count: number): readonly string[] => Array.from({ length: count }, () => pattern(tools));
    const kind = next(3);
    const allow = kind === 1 ? {} : { allow: patterns(next(4)) };
    const deny = kind === 0 ? {} : { deny: patterns(1 + next(2)) };
    return { name: `b${at}`, tools, rule: { ...allow, ...deny } };
  });
}

it("list and call agree for 200 rules and their tools", async () => {
  const rules = randomRules(3_13_01);
  const backend = await startRawBackend((got, response) => {
    const at = Number(/^\/b(\d+)\//.exec(got.url)?.[1]);
    if (!got.body.includes('"tools/list"')) sendJson(response, '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}');
    else if (at % 2 === 0) sendJson(response, listOf(rules[at]?.tools ?? []));
    else sendEvents(response, `event: message\ndata: ${listOf(rules[at]?.tools ?? [])}\n\n`);
  });
  closing.push(backend.close);
  const key = mintKey(randomBytes);
  const grants = rules.map(({ name, rule }) => ({ backend: name, tools: rule }));
  const gateway = await startTestGateway(
    {},
    {
      keys: keysJson(key),
      roles: JSON.stringify({ roleMapping: { "dev-readonly": grants } }),
      backends: registryOf(Object.fromEntries(rules.map(({ name }) => [name, `${backend.url}/${name}`]))),
    },
  );
  closing.push(gateway.close);
  const ask = async (name: string, body: string): Promise<string> =>
    (await send(gateway.url, { path: `/mcp/${name}/mcp`, headers: callHeaders(key), body })).body;

  const judged: { name: string; listed: readonly string[]; callable: readonly string[] }[] = [];
  for (const { name, tools } of rules) {
    const [list, ...answers] = await Promise.all([ask(name, LIST), ...tools.map((tool) => ask(name, toolCall(tool)))]);
    judged.push({ name, listed: namesIn(list), callable: tools.filter((_, at) => answers[at]?.includes('"result"')) });
  }
  expect(judged.map(({ name, listed }) => [name, listed])).toEqual(
    judged.map(({ name, callable }) => [name, callable]),
  );

  const total = rules.flatMap(({ tools }) => tools).length;
  const allowed = judged.flatMap(({ listed }) => listed).length;
  expect([allowed > total / 5, allowed < (total * 4) / 5]).toEqual([true, true]);
  const calls = (await gateway.waitForRecords(total + RULES)).filter(({ method }) => method === "tools/call");
  expect([
    calls.filter(({ reason }) => reason === "granted").length,
    calls.filter(({ reason }) => reason === "tool_not_granted").length,
    backend.received.length,
  ]).toEqual([allowed, total - allowed, allowed + RULES]);
});

/** The names of tools in an answer, framed or not. */
function namesIn(body: string): readonly string[] {
  return [...body.matchAll(/\{"name":("(?:[^"\\]|\\.)*")\}/g)].map(([, name = '""']) => JSON.parse(name) as string);
}

function cursorOf({ body }: Received): string {
  return (JSON.parse(body.toString("utf8")) as { params: { cursor: string } }).params.cursor;
}
