import { describe, expect, it } from "vitest";
import { changeRegistry, commentedDeclarations } from "../../../../src/lib/flow/mcp/change-registry.ts";
import type { RegistryText } from "../../../../src/lib/flow/mcp/backend-lines.ts";
import { planImport, type ImportPlan } from "../../../../src/lib/flow/mcp/plan-import.ts";
import { readToolList, type ToolList } from "../../../../src/lib/flow/mcp/tool-list.ts";
import { readRegistry, type ToolNeeds } from "../../../../src/lib/policy/registry.ts";
import { isError } from "../../../../src/lib/policy/source.ts";
import { seededNumbers } from "../../../support/seeded.ts";

type Random = (below: number) => number;
const NAMES = ["pods_list", "pods_get", "on", "a: b", "über", "__proto__", "1e3", "x"];
const KEY = "io.kubernetes-mcp-server/rbac";

function randomList(random: Random): ToolList {
  const names = NAMES.filter(() => random(3) > 0);
  return readToolList(
    names.map((name) => ({
      name,
      annotations: random(2) === 0 ? {} : { readOnlyHint: random(2) === 0, destructiveHint: random(2) === 0 },
      _meta: random(2) === 0 ? {} : { [KEY]: randomMetadata(random) },
    })),
  );
}

function randomMetadata(random: Random): unknown {
  if (random(4) === 0) return { version: "v1alpha1", none: {} };
  if (random(4) === 0) return { version: "v1alpha1", unbounded: { reason: `chart #${random(3)}: "x"` } };
  const target = random(2) === 0 ? { resource: { resource: "pods" } } : { manifest: { argument: "resource" } };
  const verbs = ["get", "list", "delete"].slice(random(3));
  return { version: "v1alpha1", bounded: { requirements: [{ verbs, target, namespace: { argument: "namespace" } }] } };
}

const EXACT = [
  "kubernetes: []",
  "kubernetes: &k [{ verb: get, resource: pods }]",
  'aws: [{ action: "s3:GetObject", resource: "*" }]',
];

/** A registry as people write it: with comments, on one line or on many, with an anchor, its tools in any order. */
function randomRegistry(random: Random): string {
  const ending = random(4) === 0 ? "\r\n" : "\n";
  const owner = random(2) === 0 ? "platform # ours" : '"platform"';
  const lines = [
    "# Ours.",
    "backends:",
    "  z: { service: s, environment: e, access: rw, owner: o, url: 'http://z' } # last",
  ];
  if (random(4) === 0) {
    lines.push("  a: { service: s, environment: e, access: ro, owner: o, url: 'http://a' }");
  } else {
    lines.push("  # The one.", "  a:", "    service: s", "    environment: e", "    access: ro");
    lines.push(`    owner: ${owner}`, "", "    url: http://a", ...randomTools(random));
  }
  if (random(2) === 0)
    lines.push("", "  # b", "  b:", "    { service: s, environment: e, access: ro, owner: o, url: 'http://b' }");
  return lines.join(ending) + (random(3) === 0 ? "" : ending);
}

function randomTools(random: Random): readonly string[] {
  if (random(4) === 0) return random(2) === 0 ? [] : ["    tools: {}"];
  const lines = ["    tools:"];
  for (const name of NAMES.filter(() => random(2) === 0).toSorted(() => random(3) - 1)) {
    const exact = EXACT[random(EXACT.length)]?.replace("&k", `&k${lines.length}`);
    const key = JSON.stringify(name);
    if (random(3) === 0) lines.push(`      # about ${lines.length}`);
    if (random(3) === 0) lines.push(`      ${key}: { ${exact} } # kept ${lines.length}`);
    else
      lines.push(
        `      ${key}:`,
        `        ${exact}`,
        ...(random(2) === 0 ? [] : ["        # more", "        beyond: the user"]),
      );
  }
  if (lines.length === 1) return [];
  return random(3) === 0 ? [...lines, "    # below the tools", "    path: p"] : lines;
}

const toolsOf = (text: string): Readonly<Record<string, ToolNeeds>> =>
  readRegistry("f", Buffer.from(text)).registry.get("a")?.tools ?? {};

const fileOf = (text: string): RegistryText => ({ text, registry: readRegistry("f", Buffer.from(text)).registry });

function plan(text: string, list: ToolList): ImportPlan {
  return planImport(toolsOf(text), list, {
    commented: commentedDeclarations(fileOf(text), "a"),
    replacesEdited: false,
  });
}

/** What people wrote: every entry without what the server declares, and the rest of the registry. */
function byHand(text: string): unknown {
  const { registry, findings } = readRegistry("f", Buffer.from(text));
  expect(findings.filter(isError)).toEqual([]);
  return [...registry.values()].map(({ place: _place, toolPlaces: _places, tools, ...fields }) => [
    fields,
    Object.entries(tools ?? {})
      .map(([name, { declared: _declared, ...needs }]) => [name, needs] as const)
      .filter(([, needs]) => Object.keys(needs).length > 0),
  ]);
}

const comments = (text: string): readonly string[] =>
  [...text.matchAll(/#(?! *\d*: ).*$/gm)].map(([comment]) => comment.trimEnd());

describe("an import", () => {
  it("leaves what people wrote, and changes nothing the second time", () => {
    const random = seededNumbers(8);
    let written = 0;
    for (let round = 0; round < 200; round += 1) {
      let text = randomRegistry(random);
      const first = { byHand: byHand(text), comments: comments(text) };
      // Servers change: three imports of different lists, each made twice.
      for (let turn = 0; turn < 3; turn += 1) {
        const list = randomList(random);
        const { edits } = plan(text, list);
        const after = changeRegistry(fileOf(text), "a", edits, false);
        if (after === null) throw new Error(`not edited:\n${text}`);
        expect({ byHand: byHand(after), comments: comments(after) }).toEqual(first);
        expect([...plan(after, list).edits]).toEqual([]);
        const declared = Object.entries(toolsOf(after)).filter(([, needs]) => needs.declared !== undefined);
        expect(new Set(declared.map(([name]) => name))).toEqual(new Set(list.tools.keys()));
        if (after !== text) written += 1;
        text = after;
      }
    }
    expect(written).toBeGreaterThan(500);
  }, 120_000);
});
