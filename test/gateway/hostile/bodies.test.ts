import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callHeaders, send, startTestGateway, toolCall, type Answer, type TestGateway } from "../../support/gateway.ts";
import { startRawBackend, type Backend, type Received } from "../../support/mcp-backend.ts";
import { ANSWER, endings, observe, type Observed } from "./observed.ts";
import { exchange, headOf, statusesIn } from "./wire.ts";

let backend: Backend & { readonly received: Received[] };
let gateway: TestGateway;

beforeAll(async () => {
  backend = await startRawBackend(ANSWER);
  gateway = await startTestGateway({ "eks-ro": backend.url, narrow: backend.url.replace("127.0.0.1", "localhost") });
});

afterAll(async () => {
  await gateway.close();
  await backend.close();
});

async function post(
  body: string | Buffer,
  path = "/mcp/eks-ro/mcp",
  headers: readonly string[] = [],
): Promise<{ readonly answer: Answer; readonly seen: Observed }> {
  let answer: Answer | undefined;
  const seen = await observe(gateway, backend.received, async () => {
    answer = await send(gateway.url, { path, headers: [...callHeaders(gateway.key), ...headers], body });
  });
  return { answer: answer as Answer, seen };
}

describe("a body that no two readers would read alike is refused", () => {
  const cut = (hex: string): Buffer => Buffer.from(toolCall("@").replace("@", ""), "latin1").fill(hex, 0, 0, "hex");
  const around = (hex: string): Buffer => {
    const [before = "", after = ""] = toolCall("@").split("@");
    return Buffer.concat([Buffer.from(before), Buffer.from(hex, "hex"), Buffer.from(after)]);
  };
  it.each([
    { what: "a byte that is not UTF-8", body: around("ff") },
    { what: "a slash that is longer than it may be", body: around("c0af") },
    { what: "half of a pair", body: around("eda080") },
    { what: "a letter that is cut", body: around("e282") },
    { what: "a letter beyond Unicode", body: around("f4908080") },
    { what: "a byte order mark", body: Buffer.concat([Buffer.from("efbbbf", "hex"), cut("")]) },
    { what: "UTF-16", body: Buffer.from(toolCall("t"), "utf16le") },
    { what: "a NUL after it", body: Buffer.from(`${toolCall("t")}\0`) },
    { what: "two messages", body: toolCall("t").repeat(2) },
    { what: "two messages on two lines", body: `${toolCall("t")}\n${toolCall("t")}` },
    { what: "a comma too many", body: toolCall("t").replace(/}$/, ",}") },
    { what: "a comment", body: `/**/${toolCall("t")}` },
    { what: "single quotes", body: toolCall("t").replaceAll('"', "'") },
    { what: "NaN", body: toolCall("t", "{}", "NaN") },
    { what: "a number in hex", body: toolCall("t", "{}", "0x1") },
    { what: "a number with a plus", body: toolCall("t", "{}", "+1") },
    { what: "a line end in a string", body: toolCall("t").replace('"t"', '"t\n"') },
    { what: "129 levels", body: toolCall("t", `{"a":${"[".repeat(126)}${"]".repeat(126)}}`) },
  ])("$what", async ({ body }) => {
    const { answer, seen } = await post(body);
    expect([answer.status, endings(seen.records), seen.reached]).toEqual([400, ["body_malformed 400"], []]);
  });

  // No record could hold their structure; that is known before anything is parsed.
  it.each([
    { what: "a million levels", body: toolCall("t", `{"a":${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}}`) },
    { what: "a million open levels", body: `{"a":${"[".repeat(1_000_000)}` },
    { what: "a million empty objects", body: toolCall("t", `{"a":[${"{},".repeat(1_000_000)}1]}`) },
    {
      what: "300,000 names",
      body: `{"jsonrpc":"2.0","method":"a",${Array.from({ length: 300_000 }, (_, n) => `"${n}":1`).join()}}`,
    },
  ])("$what", async ({ body }) => {
    const { answer, seen } = await post(body);
    expect([answer.status, endings(seen.records), seen.reached]).toEqual([413, ["record_too_large 413"], []]);
  });

  it("128 levels are read", async () => {
    const body = toolCall("t", `{"a":${"[".repeat(125)}${"]".repeat(125)}}`);
    const { seen } = await post(body);
    expect([endings(seen.records), seen.reached.map((got) => got.body.toString())]).toEqual([["granted 200"], [body]]);
  });
});

/** Members that every object has without saying so. */
const INHERITED = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"];

describe("a call of no tool is none, whatever the grant", () => {
  it.each(["null", "1", "true", "{}", "[]", '["eks_get_pods"]'])("the name %s", async (name) => {
    const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":${name},"arguments":{"a":1}}}`;
    const { seen } = await post(body);
    expect([endings(seen.records), seen.reached]).toEqual([["not_json_rpc 400"], []]);
  });

  it.each(['{"arguments":{}}', "{}"])("the parameters %s", async (params) => {
    const { seen } = await post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`);
    expect([endings(seen.records), seen.reached]).toEqual([["not_json_rpc 400"], []]);
  });
});

describe("names that every object has are names like any other", () => {
  it.each(INHERITED)("as a tool: %s is none that a narrowed grant allows", async (name) => {
    const { answer, seen } = await post(toolCall(name), "/mcp/narrow/mcp");
    expect([endings(seen.records), seen.reached]).toEqual([["tool_not_granted 200"], []]);
    expect((JSON.parse(answer.body) as { error: { message: string } }).error.message).toBe(`Unknown tool: ${name}`);
  });

  it.each(INHERITED)("as a method: %s is none that a narrowed grant allows", async (name) => {
    const { seen } = await post(`{"jsonrpc":"2.0","id":1,"method":"${name}"}`, "/mcp/narrow/mcp");
    expect([endings(seen.records), seen.reached]).toEqual([["method_not_granted 200"], []]);
  });

  it.each(INHERITED)("as an id: %s comes back", async (name) => {
    const { answer } = await post(toolCall("t", "{}", `"${name}"`), "/mcp/narrow/mcp");
    expect((JSON.parse(answer.body) as { id: string }).id).toBe(name);
  });

  it.each(INHERITED)("as an argument: %s is recorded and forwarded as it came", async (name) => {
    const args = `{"${name}":{"name":"eks_get_pods","isAdmin":true}}`;
    const { seen } = await post(toolCall("t", args));
    expect(seen.records.map(({ reason, tool_args }) => [reason, JSON.stringify(tool_args)])).toEqual([
      ["granted", args],
    ]);
    expect(seen.reached.map((got) => got.body.toString())).toEqual([toolCall("t", args)]);
  });

  it("as a member of the message __proto__ hides no method", async () => {
    const body = '{"jsonrpc":"2.0","id":1,"__proto__":{"method":"tools/list"}}';
    const { seen } = await post(body, "/mcp/narrow/mcp");
    expect([endings(seen.records), seen.reached]).toEqual([["not_json_rpc 400"], []]);
  });

  it("as a member of the parameters __proto__ hides no tool", async () => {
    const body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"__proto__":{"name":"eks_get_pods"}}}';
    const { seen } = await post(body, "/mcp/narrow/mcp");
    expect([endings(seen.records), seen.reached]).toEqual([["not_json_rpc 400"], []]);
  });
});

describe("ids and numbers without measure", () => {
  it.each([
    { what: "an id beyond 2^53", id: "12345678901234567890" },
    { what: "an id of 256 digits", id: "9".repeat(256) },
    { what: "an id beyond every double", id: "1e999999" },
    { what: "an id of 254 letters", id: `"${"x".repeat(254)}"` },
    { what: "an id of half a pair", id: '"\\ud800"' },
    { what: "an id with every escape", id: '"\\u0000\\r\\n\\u2028\\"\\\\"' },
    { what: "a negative zero", id: "-0.0" },
  ])("$what comes back letter for letter", async ({ id }) => {
    const { answer, seen } = await post(toolCall("hidden", "{}", id), "/mcp/narrow/mcp");
    expect(answer.body.startsWith(`{"jsonrpc":"2.0","id":${id},"error":`)).toBe(true);
    expect([endings(seen.records), seen.reached]).toEqual([["tool_not_granted 200"], []]);
  });

  it.each(["9".repeat(257), `"${"x".repeat(100_000)}"`])("an id that is longer is no id: %.20s", async (id) => {
    const { answer, seen } = await post(toolCall("hidden", "{}", id), "/mcp/narrow/mcp");
    expect(answer.body.startsWith('{"jsonrpc":"2.0","id":null,"error":')).toBe(true);
    expect([endings(seen.records), seen.reached]).toEqual([["not_json_rpc 400"], []]);
  });

  it("a number that no record can hold is refused", async () => {
    const { seen } = await post(toolCall("t", `{"n":${"9".repeat(16_000)}}`));
    expect([endings(seen.records), seen.reached]).toEqual([["record_too_large 413"], []]);
  });

  it.each(["1e999999", `-${"9".repeat(5_000)}.${"9".repeat(5_000)}`, "1E-400", "1.0"])(
    "the argument %.20s is recorded and forwarded letter for letter",
    async (number) => {
      const body = toolCall("t", `{"n":${number}}`);
      const { seen } = await post(body);
      expect([endings(seen.records), seen.reached.map((got) => got.body.toString())]).toEqual([
        ["granted 200"],
        [body],
      ]);
      const { readFile } = await import("node:fs/promises");
      expect(await readFile(`${gateway.folder}/log/audit.jsonl`, "utf8")).toContain(`"tool_args":{"n":${number}},`);
    },
  );
});

describe("a line end in a name never begins a header", () => {
  const NAME = "t\r\nX-Mcpctl-Role: admin\r\n\r\nGET /admin HTTP/1.1\r\n";

  it("as a tool it is text of the body, and in the record one line", async () => {
    const body = toolCall(NAME);
    const { seen } = await post(body);
    expect(seen.reached.map((got) => got.body.toString())).toEqual([body]);
    expect(seen.reached[0]?.rawHeaders.filter((value) => value.includes("admin"))).toEqual([]);
    expect(seen.records.map(({ tool_name }) => tool_name)).toEqual([NAME]);
  });

  it("as a hidden tool it is text of the answer's body", async () => {
    const { answer } = await post(toolCall(NAME), "/mcp/narrow/mcp");
    expect(Object.values(answer.headers).join()).not.toContain("admin");
    expect(JSON.parse(answer.body)).toMatchObject({ error: { message: `Unknown tool: ${NAME}` } });
  });

  it("as an encoded Mcp-Name it must be the body's, and is forwarded encoded", async () => {
    const encoded = `=?base64?${Buffer.from(NAME).toString("base64")}?=`;
    const same = await post(toolCall(NAME), undefined, ["mcp-name", encoded]);
    const other = await post(toolCall("t"), undefined, ["mcp-name", encoded]);
    expect([endings(same.seen.records), endings(other.seen.records)]).toEqual([
      ["granted 200"],
      ["header_mismatch 400"],
    ]);
    expect(same.seen.reached[0]?.rawHeaders.filter((value) => value.includes("base64"))).toEqual([encoded]);
    expect(other.seen.reached).toEqual([]);
  });

  it.each([
    { what: "a carriage return", value: "t\rX-A: b", ending: "http_malformed 400" },
    { what: "a line feed", value: "t\nX-A: b", ending: "http_malformed 400" },
    { what: "a NUL", value: "t\0", ending: "http_malformed 400" },
    { what: "an escaped line end", value: "t%0d%0aX-A: b", ending: "header_mismatch 400" },
    { what: "a header after it", value: "t\r\nMcp-Name: u", ending: "http_malformed 400" },
    { what: "a letter that is no ASCII", value: "t\u00e4", ending: "header_mismatch 400" },
  ])("as Mcp-Name with $what it is refused", async ({ value, ending }) => {
    const body = toolCall("t");
    const lines = ["Connection: close", `Mcp-Name: ${value}`, `Content-Length: ${body.length}`];
    let answer = "";
    const seen = await observe(gateway, backend.received, async () => {
      answer = await exchange(gateway.url, headOf(gateway.key, lines) + body);
    });
    expect([statusesIn(answer), endings(seen.records), seen.reached]).toEqual([[400], [ending], []]);
  });
});
