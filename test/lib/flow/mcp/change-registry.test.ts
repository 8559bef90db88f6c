import { describe, expect, it } from "vitest";
import { changeRegistry, commentedDeclarations } from "../../../../src/lib/flow/mcp/change-registry.ts";
import type { RegistryText } from "../../../../src/lib/flow/mcp/backend-lines.ts";
import { readRegistry } from "../../../../src/lib/policy/registry.ts";
import { declarationDigest } from "../../../../src/lib/flow/mcp/declaration-digest.ts";
import type { ToolEdit } from "../../../../src/lib/flow/mcp/needs-lines.ts";

const FIELDS = "service: eks, environment: stage, access: ro, owner: platform";
const DIGEST = "0123456789ab";
const READS = { declared: { digest: DIGEST, readOnly: true } };
const READS_LINE = 'declared: { digest: "0123456789ab", readOnly: true }';
const GONE = { declared: null };

const fileOf = (text: string): RegistryText => ({ text, registry: readRegistry("f", Buffer.from(text)).registry });
const change = (text: string, edits: Readonly<Record<string, ToolEdit>>, mayLose = false): string | null =>
  changeRegistry(fileOf(text), "a", new Map(Object.entries(edits)), mayLose);

/** A registry whose backend `a` has these lines behind its URL, and a neighbour below. */
const block = (lines: string): string => `# The registry
backends:
  a: # the first
    service: eks
    environment: stage
    access: ro
    owner: platform
    url: http://a # where it is
${lines}
  # The second.
  b: { ${FIELDS}, url: "http://b" }
`;

describe("changeRegistry", () => {
  it("adds tools to a backend that has none, and writes each need on a line", () => {
    const kubernetes = [
      { verb: "get", resource: "pods/log", namespace: "{namespace}", name: "{name}" },
      { verb: "list", resource: "routes", group: "route.openshift.io" },
    ];
    const edits = {
      pods_log: { declared: { digest: DIGEST, readOnly: true, destructive: false, bounds: { kubernetes } } },
      on: { declared: { digest: DIGEST, bounds: { kubernetes: [] } } },
      "a: b": { declared: { digest: DIGEST, bounds: { unbounded: 'says "no" # never' } } },
      put: { aws: [{ action: "ssm:PutParameter", resource: "*" }], kubernetes: [], beyond: "the grants of the user" },
      __proto__: READS,
    };
    expect(
      changeRegistry(fileOf(block("")), "a", new Map([...Object.entries(edits), ["__proto__", READS]]), false),
    ).toBe(
      block(`    tools:
      pods_log:
        declared:
          digest: "0123456789ab"
          readOnly: true
          destructive: false
          bounds:
            kubernetes:
              - { verb: get, resource: pods/log, namespace: "{namespace}", name: "{name}" }
              - { verb: list, resource: routes, group: route.openshift.io }
      "on":
        declared: { digest: "0123456789ab", bounds: { kubernetes: [] } }
      "a: b":
        declared: { digest: "0123456789ab", bounds: { unbounded: "says \\"no\\" # never" } }
      put:
        kubernetes: []
        aws:
          - { action: "ssm:PutParameter", resource: "*" }
        beyond: "the grants of the user"
      "__proto__":
        ${READS_LINE}
`),
    );
  });

  it("opens what stands on one line, and leaves its neighbours alone", () => {
    const text = `backends:
  a:
    { ${FIELDS}, url: "http://a", tools: { x: { kubernetes: [] }, w: {} } } # mine
  b: { ${FIELDS}, url: "http://b" }`;
    expect(change(text, { x: READS, z: READS })).toBe(`backends:
  a:
    # mine
    service: eks
    environment: stage
    access: ro
    owner: platform
    url: "http://a"
    tools:
      x:
        kubernetes: []
        ${READS_LINE}
      w: {}
      z:
        ${READS_LINE}
  b: { ${FIELDS}, url: "http://b" }`);
  });

  it.each<[string, string, Readonly<Record<string, ToolEdit>>, string]>([
    [
      "tools that are empty",
      "    tools: {} # none yet",
      { x: READS },
      `    tools: # none yet\n      x:\n        ${READS_LINE}`,
    ],
    [
      "tools behind which comments stand",
      "    tools:\n      x:\n        kubernetes: [] # exact\n      # no more",
      { w: READS },
      `    tools:\n      x:\n        kubernetes: [] # exact\n      w:\n        ${READS_LINE}\n      # no more`,
    ],
    [
      "a tool that stands deeper than usual",
      "    tools:\n         x:\n             kubernetes: []\n    path: p",
      { x: READS, w: READS },
      `    tools:\n         x:\n             kubernetes: []\n             ${READS_LINE}\n         w:\n           ${READS_LINE}\n    path: p`,
    ],
    [
      "a tool whose name is a number",
      "    tools:\n      x:\n        kubernetes: []",
      { "7": READS },
      `    tools:\n      x:\n        kubernetes: []\n      "7":\n        ${READS_LINE}`,
    ],
    [
      "a declaration that changes",
      `    tools:\n      # why\n      x:\n        declared: { digest: "aaaaaaaaaaaa" }\n        beyond: the user`,
      { x: READS },
      `    tools:\n      # why\n      x:\n        ${READS_LINE}\n        beyond: the user`,
    ],
    [
      "the only tool when it goes",
      '    tools:\n      x:\n        declared: { digest: "aaaaaaaaaaaa" }',
      { x: GONE },
      "    tools: {}",
    ],
    [
      "a tool with a comment when it goes",
      '    tools:\n      # do not use\n      x:\n        declared: { digest: "aaaaaaaaaaaa" }\n      w: {}',
      { x: GONE },
      "    tools:\n      # do not use\n      x: {}\n      w: {}",
    ],
    [
      "the declaration of a tool that has more",
      '    tools:\n      x:\n        declared:\n          digest: "aaaaaaaaaaaa"\n          bounds:\n            kubernetes:\n              - { verb: get, resource: a }\n        kubernetes: []',
      { x: GONE },
      "    tools:\n      x:\n        kubernetes: []",
    ],
    [
      "all tools but new ones",
      '    tools: # here\n      x:\n        declared: { digest: "aaaaaaaaaaaa" }',
      { x: GONE, w: READS },
      `    tools: # here\n      w:\n        ${READS_LINE}`,
    ],
    [
      "an anchor that is used elsewhere",
      "    tools:\n      x:\n        kubernetes: &none []\n      w: { kubernetes: *none }",
      { w: READS },
      `    tools:\n      x:\n        kubernetes: &none []\n      w:\n        kubernetes: *none\n        ${READS_LINE}`,
    ],
  ])("edits %s", (_what, before, edits, after) => {
    expect(change(block(before), edits)).toBe(block(after));
    const withCrLf = (text: string): string => text.replaceAll("\n", "\r\n");
    expect(change(withCrLf(block(before)), edits)).toBe(withCrLf(block(after)));
  });

  it.each([
    ["an alias for all tools", `backends:\n  a: { ${FIELDS}, url: "http://a", tools: *t }\n`],
    [
      "an alias for all tools of a backend before",
      `backends:\n  c: { ${FIELDS}, url: "http://c", tools: &t { x: {} } }\n  a: { ${FIELDS}, url: "http://a", tools: *t }\n`,
    ],
    [
      "tools that another backend repeats",
      `backends:\n  a: { ${FIELDS}, url: "http://a", tools: &t { x: {} } }\n  c: { ${FIELDS}, url: "http://c", tools: *t }\n`,
    ],
    ["a comment inside braces", `backends:\n  a: { ${FIELDS}, # mine\n    url: "http://a" }\n`],
    ["JSON", `{ "backends": { "a": { "service": "s" }, "b": 1 } }`],
    ["no registry", "backends: ["],
  ])("leaves %s as it is", (_what, text) => {
    expect(change(text, { x: READS })).toBeNull();
  });

  it("opens a registry on one line", () => {
    const fields = "service: s, environment: e, access: ro, owner: o";
    expect(
      change(`backends: { b: { ${fields}, url: "http://b" }, a: { ${fields}, url: "http://a" } }`, { x: READS }),
    ).toBe(
      `backends:
  b: { ${fields}, url: "http://b" }
  a:
    service: s
    environment: e
    access: ro
    owner: o
    url: "http://a"
    tools:
      x:
        ${READS_LINE}`,
    );
  });

  it("keeps a comment in a declaration, unless it may go", () => {
    const text = block('    tools:\n      x:\n        declared:\n          digest: "aaaaaaaaaaaa" # mine');
    expect([change(text, { x: READS }), change(text, { x: READS }, true)]).toEqual([
      null,
      block(`    tools:\n      x:\n        ${READS_LINE}`),
    ]);
  });
});

describe("commentedDeclarations", () => {
  it("tells where somebody wrote into a declaration", () => {
    const bounds = '{ digest: "aaaaaaaaaaaa", bounds: { unbounded: "# none" } }';
    const text = block(`    tools:
      a: { declared: ${bounds} }
      b: { declared: ${bounds} } # mine
      c:
        declared:
          # mine
          digest: "aaaaaaaaaaaa"
      # of d
      d:
        # of the declaration
        declared: ${bounds}
        # of what follows
        kubernetes: []`);
    expect(commentedDeclarations(fileOf(text), "a")).toEqual(new Set(["b", "c"]));
    expect(commentedDeclarations(fileOf(text), "b")).toEqual(new Set());
  });
});

it("gives the digest that it writes back", () => {
  const declared = { readOnly: true, bounds: { unbounded: "x: # 'y'" } };
  const digest = declarationDigest(declared);
  expect(change(block(""), { x: { declared: { digest, ...declared } } })).toContain(`digest: "${digest}"`);
});
