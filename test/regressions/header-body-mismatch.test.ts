import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HONEST, PASSED, refused, startScene, valuesOf, type Scene } from "../support/incident.ts";

/**
 * The story (ContextForge #5687 and #6637, Helio #226): revision 2026-07-28 repeats method, tool and version in headers,
 * in the form `=?base64?...?=` where HTTP could not carry them. A gateway that decides on one and a server that acts on
 * the other do not speak of the same call; and headers of any size were parsed before anything bounded them (#6146).
 * This gateway decides on the body alone, refuses a call whose headers say something else, whatever its revision, and
 * bounds the headers before they are read.
 */
let scene: Scene;
beforeAll(async () => {
  scene = await startScene();
});
afterAll(() => scene.close());

const NARROW = { path: "/mcp/narrow/mcp" };
const MISMATCH = refused(400, -32020, "header_mismatch");
const TWICE = refused(400, -32600, "http_malformed");
const encoded = (text: string | Buffer): string => `=?base64?${Buffer.from(text).toString("base64")}?=`;
const claiming = (version: string): string =>
  HONEST.replace('"params":{', `"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"${version}"},`);
const MODERN = claiming("2026-07-28");
const VERSION = ["mcp-protocol-version", "2026-07-28"];
const METHOD = ["mcp-method", "tools/call"];
const NAME = ["mcp-name", "eks_get_pods"];
const AGREEING = [...VERSION, ...METHOD, ...NAME];

describe("a call of revision 2026-07-28", () => {
  it.each([
    ["another method", [...VERSION, "mcp-method", "tools/list", ...NAME]],
    ["the method in another case", [...VERSION, "mcp-method", "Tools/Call", ...NAME]],
    ["an empty method", [...VERSION, "mcp-method", "", ...NAME]],
    ["no method", [...VERSION, ...NAME]],
    ["another tool", [...VERSION, ...METHOD, "mcp-name", "eks_get_nodes"]],
    ["the tool in another case", [...VERSION, ...METHOD, "mcp-name", "EKS_GET_PODS"]],
    ["no tool", [...VERSION, ...METHOD]],
    ["another tool, encoded", [...VERSION, ...METHOD, "mcp-name", encoded("eks_delete_pod")]],
    ["the tool encoded twice", [...VERSION, ...METHOD, "mcp-name", encoded(encoded("eks_get_pods"))]],
    ["the tool encoded and a NUL", [...VERSION, ...METHOD, "mcp-name", encoded("eks_get_pods\0")]],
    ["bytes that are no UTF-8", [...VERSION, ...METHOD, "mcp-name", encoded(Buffer.from([0xff, 0xfe]))]],
    ["an encoding of nothing", [...VERSION, ...METHOD, "mcp-name", "=?base64??="]],
    ["an encoding that is none", [...VERSION, ...METHOD, "mcp-name", "=?base64?%%%?="]],
    ["another encoding", [...VERSION, ...METHOD, "mcp-name", "=?utf-8?Q?eks=5Fget=5Fpods?="]],
    [
      "the encoding's name in another case",
      [...VERSION, ...METHOD, "mcp-name", encoded("eks_get_pods").replace("base64", "BASE64")],
    ],
    ["an encoded method", [...VERSION, "mcp-method", encoded("tools/call"), ...NAME]],
    ["an older revision", ["mcp-protocol-version", "2025-11-25", ...METHOD, ...NAME]],
    ["a later revision", ["mcp-protocol-version", "2027-01-01", ...METHOD, ...NAME]],
    ["no revision", [...METHOD, ...NAME]],
  ])("is refused where its headers say %s, and passes where they agree", async (_what, headers) => {
    expect(await scene.verdicts([scene.call(MODERN, headers, NARROW), scene.call(MODERN, AGREEING, NARROW)])).toEqual([
      MISMATCH,
      PASSED,
    ]);
  });

  it.each([
    ["the method", [...AGREEING, ...METHOD]],
    ["the tool", [...AGREEING, "mcp-name", "eks_delete_pod"]],
    ["the revision", [...AGREEING, "MCP-Protocol-Version", "2025-11-25"]],
  ])("is refused where a header names %s twice", async (_what, headers) => {
    expect(await scene.verdicts([scene.call(MODERN, headers, NARROW), scene.call(MODERN, AGREEING, NARROW)])).toEqual([
      TWICE,
      PASSED,
    ]);
  });

  it("passes with its tool encoded, and with spaces around a value", async () => {
    const name = ["mcp-name", encoded("eks_get_pods")];
    const spaced = [...VERSION, "Mcp-Method", "  tools/call\t", "MCP-NAME", " eks_get_pods "];
    expect(
      await scene.verdicts([
        scene.call(MODERN, [...VERSION, ...METHOD, ...name], NARROW),
        scene.call(MODERN, spaced, NARROW),
      ]),
    ).toEqual([PASSED, PASSED]);
  });
});

it.each([
  ["the method", ["mcp-method", "tools/list"]],
  ["the tool", ["mcp-name", "eks_list_pods"]],
  ["the tool, encoded", ["mcp-name", encoded("eks_list_pods")]],
  ["the revision that the body does not claim", ["mcp-protocol-version", "2026-07-28"]],
])("refuses an older call whose headers spoof %s, and passes it without", async (_what, headers) => {
  expect(await scene.verdicts([scene.call(HONEST, headers, NARROW), scene.call(HONEST, [], NARROW)])).toEqual([
    MISMATCH,
    PASSED,
  ]);
});

it("never hands a backend the same names with an underscore", async () => {
  const headers = [...AGREEING, "mcp_name", "eks_delete_pod", "mcp_method", "tools/list"];
  expect(await scene.verdicts([scene.call(MODERN, headers, NARROW)])).toEqual([PASSED]);
  const [received] = scene.backend.received.slice(-1);
  expect(
    ["mcp-name", "mcp-method", "mcp_name", "mcp_method"].map((name) => received && valuesOf(received, name)),
  ).toEqual([["eks_get_pods"], ["tools/call"], [], []]);
});

it.each([
  ["one header of 20,000 letters", `mcp-name: ${"x".repeat(20_000)}\r\n`],
  ["an encoded header of 20,000 letters", `mcp-name: =?base64?${"eHh4".repeat(5_000)}?=\r\n`],
  ["a thousand headers", "mcp-param-x: 0123456789\r\n".repeat(1_000)],
])("refuses %s before reading a body, and passes what is smaller", async (_what, lines) => {
  const request = (more: string): string =>
    `POST /mcp/narrow/mcp HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n` +
    `authorization: Bearer ${scene.gateway.key.token.reveal()}\r\ncontent-length: ${HONEST.length}\r\n${more}\r\n${HONEST}`;
  expect(await scene.verdicts([request(lines), request("mcp-param-x: 0123456789\r\n".repeat(100))])).toEqual([
    refused(431, -31431, "headers_too_large"),
    PASSED,
  ]);
});
