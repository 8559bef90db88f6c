import { expect, it } from "vitest";
import type { OfferedTool } from "../../../../src/lib/flow/verify/subject.ts";
import { offeredTools } from "../../../../src/lib/flow/verify/tools.ts";
import { subjectOf, told } from "../../../support/verify-subject.ts";

const READ: OfferedTool = { name: "read", declared: { readOnly: true } };
const DROP: OfferedTool = { name: "drop", declared: { destructive: true } };
const DIGEST = "a".repeat(12);
const BACKEND = { one: "access: ro, tools: { read: {} }" };

const verify = (tools: readonly OfferedTool[], backends = BACKEND): readonly string[] =>
  told(offeredTools(subjectOf(backends, { offered: new Map([["one", tools]]) })));

it("a server that lists what the registry names is as promised", () => {
  expect(verify([READ])).toEqual([]);
});

it("tools that one side alone names are told", () => {
  const other = { name: "other", declared: { readOnly: true } };
  expect(verify([other])).toEqual([
    'MC608 the server of "one" lists no tool read',
    'MC609 the server of "one" lists a tool other that the registry does not name',
  ]);
});

it("a destructive tool is told of a read-only backend, as the server or the registry says", () => {
  const destructive = 'MC610 "one" is ro, and its server calls the tool drop destructive';
  expect(verify([READ, DROP]).filter((line) => line.startsWith("MC610"))).toEqual([destructive]);
  const declared = `tools: { drop: { declared: { destructive: true, digest: ${DIGEST} } } }`;
  expect(told(offeredTools(subjectOf({ one: `access: ro, ${declared}` })))).toEqual([destructive]);
  expect(told(offeredTools(subjectOf({ one: `access: rw, ${declared}` })))).toEqual([]);
  // What the server lists now is newer than what it once declared.
  expect(verify([{ name: "drop", declared: { destructive: false } }], { one: `access: ro, ${declared}` })).toEqual([]);
});

it("a hint that it destroys means nothing of a tool that only reads", () => {
  expect(verify([{ name: "read", declared: { readOnly: true, destructive: true } }])).toEqual([]);
});

it("a tool that says to write destroys, unless it says otherwise", () => {
  const says = 'MC610 "one" is ro, and its server says that the tool read writes, and not that it is not destructive';
  expect(verify([{ name: "read", declared: { readOnly: false } }])).toEqual([says]);
  expect(verify([{ name: "read", declared: { readOnly: false, destructive: false } }])).toEqual([]);
  expect(verify([{ name: "read", declared: {} }])).toEqual([]);
});

const declaring = (declared: string): { readonly one: string } => ({
  one: `access: ro, tools: { drop: { declared: { ${declared}, digest: ${DIGEST} } } }`,
});

it("a destructive tool that the server lists no more is not offered", () => {
  const gone = ['MC608 the server of "one" lists no tool drop'];
  expect(verify([], declaring("destructive: true"))).toEqual(gone);
});

it("is not decided where the server does not answer, but by what it once said", () => {
  const open = (codes: readonly string[]) => codes.map((code) => `${code}? one: its server must answer`);
  const unanswered = (backends: Readonly<Record<string, string>>): readonly string[] =>
    told(offeredTools(subjectOf(backends, { offered: new Map() })));
  expect(unanswered(BACKEND)).toEqual(open(["MC610", "MC608", "MC609"]));
  expect(unanswered({ one: "access: rw" })).toEqual(open(["MC608", "MC609"]));
  expect(unanswered(declaring("destructive: true")).slice(1)).toEqual(open(["MC608", "MC609"]));
});

it.each([
  ["some tool was never declared", BACKEND, ["MC608", "MC609", "MC610"]],
  ["no tool is known", { one: "access: ro" }, ["MC608", "MC609", "MC610"]],
  ["all tools were declared", declaring("readOnly: true"), ["MC608", "MC609"]],
  ["no backend is read-only", { one: "access: rw" }, ["MC608", "MC609"]],
])("is skipped where no server is asked and %s", (_, backends, codes) => {
  expect(offeredTools(subjectOf(backends)).skipped.map(({ code }) => code)).toEqual(codes);
});
