import { readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sendJson, startRawBackend } from "../../support/mcp-backend.ts";
import { makeProject, type Project, type RunOptions, type RunResult } from "../../support/run-cli.ts";
import { startToolServer, TOOL_SERVER_KINDS } from "../../support/tool-server.ts";

const KEY = "io.kubernetes-mcp-server/rbac";
const inputSchema = { type: "object" };
const READS = { readOnlyHint: true, destructiveHint: false };

/** As kubernetes-mcp-server has them. */
const TOOLS = [
  { name: "configuration_view", inputSchema, annotations: READS, _meta: { [KEY]: { version: "v1alpha1", none: {} } } },
  {
    name: "pods_log",
    inputSchema,
    annotations: READS,
    _meta: {
      [KEY]: {
        version: "v1alpha1",
        bounded: {
          requirements: ["pods", "pods/log"].map((target) => {
            const [resource, subresource] = target.split("/");
            return {
              verbs: ["get"],
              target: { resource: { resource, subresource } },
              namespace: { argument: "namespace" },
              resourceName: { argument: "name" },
            };
          }),
        },
      },
    },
  },
  { name: "helm_install", inputSchema, annotations: { readOnlyHint: false, destructiveHint: false } },
];

const REGISTRY = `# Ours.
backends:
  eks-ro: # the viewer
    service: eks
    environment: stage
    access: ro
    owner: platform
    url: URL
    tools:
      # Found out by hand.
      pods_log:
        kubernetes: [] # nothing yet
      old_tool:
        declared: { digest: "44136fa355b3" }
  other: { service: s, environment: e, access: rw, owner: o, url: "http://other" }
`;

const IMPORTED = `# Ours.
backends:
  eks-ro: # the viewer
    service: eks
    environment: stage
    access: ro
    owner: platform
    url: URL
    tools:
      # Found out by hand.
      pods_log:
        kubernetes: [] # nothing yet
        declared:
          digest: "DIGEST"
          readOnly: true
          destructive: false
          bounds:
            kubernetes:
              - { verb: get, resource: pods, namespace: "{namespace}", name: "{name}" }
              - { verb: get, resource: pods/log, namespace: "{namespace}", name: "{name}" }
      old_tool:
        declared: { digest: "44136fa355b3" }
      configuration_view:
        declared: { digest: "DIGEST", readOnly: true, destructive: false, bounds: { kubernetes: [] } }
      helm_install:
        declared: { digest: "DIGEST", readOnly: false, destructive: false }
  other: { service: s, environment: e, access: rw, owner: o, url: "http://other" }
`;

let project: Project;
let registry: string;
const closers: (() => Promise<void>)[] = [];
beforeEach(async () => {
  project = await makeProject();
  registry = join(project.cwd, "backends.yaml");
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  await project.remove();
});

async function serve(tools: readonly unknown[] = TOOLS, kind = TOOL_SERVER_KINDS[0] as (typeof TOOL_SERVER_KINDS)[0]) {
  const server = await startToolServer(kind, tools);
  closers.push(() => server.close());
  await writeFile(registry, REGISTRY.replace("URL", new URL(server.url).origin));
  return server;
}

const run = (argv: readonly string[], options?: RunOptions): Promise<RunResult> =>
  project.run(["backends", "import", ...argv], options);
const written = async (): Promise<string> =>
  (await readFile(registry, "utf8"))
    .replace(/http:\/\/127\S+/, "URL")
    .replace(/"(?!44136fa355b3)[0-9a-f]{12}"/g, '"DIGEST"');

async function saveList(name: string, content: unknown): Promise<string> {
  await writeFile(join(project.cwd, name), typeof content === "string" ? content : JSON.stringify(content));
  return name;
}

describe("backends import", () => {
  it.each(TOOL_SERVER_KINDS)("writes what a server says (%s), once", async (kind) => {
    const { url } = await serve(TOOLS, kind);
    expect(await run(["eks-ro", "--yes"])).toEqual({
      code: 0,
      out: `eks-ro, from ${url}: 2 added, 1 changed, 1 gone; 0 tools unchanged
  + configuration_view  reads only; nothing of Kubernetes
  ~ pods_log            reads only; at most 2 requests to Kubernetes
  + helm_install        writes; not destructive
  - old_tool            the server does not list it; its declaration, edited by hand, stays
`,
      err: "What was edited by hand was kept; --replace-edited writes over it.\nWrote backends.yaml.\n",
    });
    expect(await written()).toBe(IMPORTED);
    expect(await run(["eks-ro"])).toEqual({
      code: 0,
      out: `eks-ro, from ${url}: 1 gone; 3 tools unchanged
  - old_tool            the server does not list it; its declaration, edited by hand, stays
`.replace("old_tool            ", "old_tool  "),
      err: "What was edited by hand was kept; --replace-edited writes over it.\nThere is nothing to write; backends.yaml stays as it is.\n",
    });
    expect(await run(["eks-ro", "--replace-edited", "--yes", "-o", "name"])).toMatchObject({
      code: 0,
      out: "old_tool\n",
    });
    expect(await written()).toBe(
      IMPORTED.replace('      old_tool:\n        declared: { digest: "44136fa355b3" }\n', ""),
    );
  });

  it("asks before it writes, and takes no for an answer", async () => {
    await serve();
    const before = await readFile(registry, "utf8");
    const declined = await run(["eks-ro"], { answers: ["n"], outIsTerminal: true });
    expect(declined).toMatchObject({ code: 2, err: expect.stringContaining("declined; nothing was changed\n") });
    expect(declined.err).toContain("  + helm_install        writes; not destructive\n");
    expect(await run(["eks-ro"])).toMatchObject({ code: 2, out: "" });
    expect(await run(["eks-ro", "--dry-run"])).toMatchObject({ code: 0 });
    expect(await readFile(registry, "utf8")).toBe(before);
    expect(await run(["eks-ro"], { answers: ["y"], outIsTerminal: true })).toMatchObject({ code: 0 });
    expect(await written()).toBe(IMPORTED);
  });

  it("keeps what was edited by hand, until told otherwise", async () => {
    const server = await serve();
    await run(["eks-ro", "--yes"]);
    const edited = (await readFile(registry, "utf8"))
      .replace("readOnly: false, destructive: false }", "readOnly: true }")
      .replace("          bounds:\n", "          bounds: # as far as we know\n");
    await writeFile(registry, edited);
    server.tools = TOOLS.map((tool) => ({ ...tool, annotations: { readOnlyHint: false, destructiveHint: true } }));
    const { out } = await run(["eks-ro", "--yes", "-o", "json"]);
    expect((JSON.parse(out) as { tools: unknown }).tools).toEqual([
      {
        tool: "configuration_view",
        change: "changed",
        detail: "reads only; nothing of Kubernetes -> writes; destructive; nothing of Kubernetes",
      },
      {
        tool: "pods_log",
        change: "kept",
        detail: "edited by hand; the server says: writes; destructive; at most 2 requests to Kubernetes",
      },
      { tool: "helm_install", change: "kept", detail: "edited by hand; the server says: writes; destructive" },
      {
        tool: "old_tool",
        change: "gone",
        detail: "the server does not list it; its declaration, edited by hand, stays",
      },
    ]);
    expect(await readFile(registry, "utf8")).toContain("bounds: # as far as we know\n");
    await run(["eks-ro", "--yes", "--replace-edited"]);
    expect(await readFile(registry, "utf8")).not.toContain("as far as we know");
  });

  it.each([
    ["a result", { tools: TOOLS }],
    ["a response", { jsonrpc: "2.0", id: 1, result: { tools: TOOLS, nextCursor: null } }],
  ])("reads %s from a file", async (_what, content) => {
    await serve();
    const file = await saveList("tools.json", content);
    expect(await run([file, "--backend", "eks-ro", "--yes"])).toMatchObject({ code: 0 });
    expect(await written()).toBe(IMPORTED);
  });

  it("asks the server at a URL for a backend's tools, with the token for it, and through a link to the registry", async () => {
    const server = await serve();
    await writeFile(join(project.cwd, "real.yaml"), await readFile(registry));
    await rm(registry);
    await symlink("real.yaml", registry);
    const env = { MCPCTL_MCP_TOKEN: "abc.def" };
    expect(await run([server.url, "--backend", "eks-ro", "--yes"], { env })).toMatchObject({ code: 0 });
    expect(await written()).toBe(IMPORTED);
    expect(await readFile(join(project.cwd, "real.yaml"), "utf8")).toBe(await readFile(registry, "utf8"));
  });

  it("shows nothing of a token that no header can hold", async () => {
    const { url } = await serve();
    const env = { MCPCTL_MCP_TOKEN: "abc\ndef" };
    expect(await run([url, "--backend", "eks-ro"], { env })).toEqual({
      code: 2,
      out: "",
      err: "error: the token in MCPCTL_MCP_TOKEN holds what no header can\n  It must be the bearer token alone, without spaces and line ends.\n",
    });
  });

  it("takes no tool that hides what it is, and tells what it did not use", async () => {
    await serve();
    const file = await saveList("tools.json", {
      tools: [
        { name: "a\u001b[2J\u202e" },
        { name: "__proto__", annotations: { readOnlyHint: true } },
        { name: "twice", annotations: { readOnlyHint: true } },
        { name: "twice" },
        { name: "later", _meta: { [KEY]: { version: "v2" } } },
        null,
      ],
    });
    expect(await run([file, "--backend", "other", "--yes"])).toEqual({
      code: 0,
      out: `other, from tools.json: 3 added; 0 tools unchanged
  + __proto__  reads only
  + twice      nothing said
  + later      nothing said
`,
      err: `Not used of a [2J: its name is unusable.
Not used of an entry: it has no name.
Not used of twice: the server lists it twice.
Not used of later: its version is not known.
Wrote backends.yaml.
`,
    });
    expect(await written()).toContain('      "__proto__":\n        declared: { digest: "DIGEST", readOnly: true }\n');
  });

  it("writes names that YAML reads as something else, and finds them again", async () => {
    await serve();
    const names = ["true", "~", "<<", "2026-01-01", "a: b", "# c", "- d", "*e", "{f}", "'", "---", "constructor", "7"];
    const file = await saveList("tools.json", { tools: names.map((name) => ({ name })) });
    expect(await run([file, "--backend", "other", "--yes"])).toMatchObject({ code: 0 });
    expect(await run([file, "--backend", "other", "--yes"])).toMatchObject({
      code: 0,
      out: expect.stringContaining(`; ${names.length} tools unchanged\n`) as string,
    });
  });

  it.each<[string, readonly string[], number, string]>([
    [
      "an unknown backend",
      ["eks-rp"],
      3,
      'error: there is no backend "eks-rp" in backends.yaml\n  Did you mean eks-ro?\n',
    ],
    [
      "a file for nobody",
      ["./tools.json"],
      2,
      "error: --backend must be given\n  Say whose tools these are: --backend eks-ro.\n",
    ],
    ["a file that is not there", ["tools.json", "--backend", "eks-ro"], 3, "error: the list of tools "],
    [
      "a metadata address",
      ["http://169.254.169.254/mcp", "--backend", "eks-ro"],
      2,
      "error: the URL is a metadata, link-local or unspecified address\n",
    ],
    [
      "credentials in a URL",
      ["http://a:b@h/mcp", "--backend", "eks-ro"],
      2,
      "error: the URL holds credentials; a registry is not a place for secrets\n",
    ],
    [
      "an unknown catalogue",
      ["eks-ro", "--catalogue", "help"],
      3,
      'error: there is no catalogue "help"\n  There are: awslabs-cloudwatch, awslabs-eks, postgres-mcp, prometheus-mcp-server.\n',
    ],
    [
      "a catalogue for nobody",
      ["x", "--catalogue", "awslabs-eks"],
      3,
      'error: there is no backend "x" in backends.yaml\n',
    ],
  ])("refuses %s", async (_what, argv, code, err) => {
    await serve();
    const result = await run(argv);
    expect([result.code, result.out, result.err.startsWith(err) ? err : result.err]).toEqual([code, "", err]);
  });

  it.each([
    ["[]", "holds no list of tools"],
    ["{", "cannot be read: not JSON"],
    ['{"tools": 1}', "holds no list of tools"],
    ['{"tools": [], "tools": []}', 'cannot be read: the name "tools" stands twice'],
    ['{"result": {"tools": [], "nextCursor": "2"}}', "holds one page of a list that goes on (nextCursor)"],
  ])("refuses the file %s", async (content, problem) => {
    await serve();
    const file = await saveList("tools.json", content);
    const { code, err } = await run([file, "--backend", "eks-ro"]);
    expect([code, err.split("\n")[0]]).toEqual([3, `error: tools.json ${problem}`]);
  });

  it("takes no more tools than the registry does", async () => {
    await serve();
    const tools = Array.from({ length: 9_999 }, (_, index) => ({ name: `t${index}` }));
    const file = await saveList("tools.json", { tools });
    expect(await run([file, "--backend", "eks-ro", "--yes"])).toEqual({
      code: 3,
      out: "",
      err: "error: backends.yaml would name 10001 tools of eks-ro\n  It takes 10000 of one; take out those that are gone.\n",
    });
  });

  it("leaves a registry alone in which no line can be changed, or that was changed meanwhile", async () => {
    const { url } = await serve();
    const fields = "service: s, environment: e, access: ro, owner: o";
    const text = `backends:\n  eks-ro: { ${fields}, # why\n    url: "${new URL(url).origin}" }\n`;
    await writeFile(registry, text);
    expect(await run(["eks-ro", "--yes"])).toMatchObject({
      code: 3,
      err: expect.stringContaining(
        "error: the tools of eks-ro in backends.yaml cannot be changed without touching more\n",
      ),
    });
    expect(await readFile(registry, "utf8")).toBe(text);
    await serve();
    const meddle = { confirm: async () => writeFile(registry, "backends: {}\n") };
    expect(await run(["eks-ro"], { ports: meddle })).toMatchObject({
      code: 3,
      err: expect.stringContaining("error: backends.yaml was changed meanwhile, and was left as it is\n"),
    });
    expect(await readFile(registry, "utf8")).toBe("backends: {}\n");
  });

  it("tells of a server that does not answer as it should", async () => {
    const broken = await startRawBackend((_got, response) => sendJson(response, "{}", 401));
    closers.push(() => broken.close());
    await serve();
    expect(await run([`${broken.url}/mcp`, "--backend", "eks-ro"])).toEqual({
      code: 4,
      out: "",
      err: `error: the server at ${broken.url}/mcp wants to know who asks (HTTP 401)
  Put a token into MCPCTL_MCP_TOKEN; it is sent to this address alone.
`,
    });
  });

  it("adds a catalogue's needs where the registry has none, and keeps those that it has", async () => {
    await writeFile(
      registry,
      REGISTRY.replace("URL", "http://eks")
        .replace("pods_log", "get_cloudwatch_metrics")
        .replace("old_tool", "get_eks_insights"),
    );
    const { code, out } = await run(["eks-ro", "--catalogue", "awslabs-eks", "--yes", "-o", "json"]);
    const changes = (JSON.parse(out) as { tools: { tool: string; change: string; detail: string }[] }).tools;
    expect([code, changes.length]).toEqual([0, 16]);
    expect(changes.filter(({ change }) => change !== "added")).toEqual([
      {
        tool: "get_cloudwatch_metrics",
        change: "kept",
        detail: "has an exact entry already; the catalogue says: cloudwatch:GetMetricData",
      },
      {
        tool: "get_eks_insights",
        change: "changed",
        detail:
          "nothing of Kubernetes and AWS; then decides: eks:DescribeInsight where insight_id is given, else eks:ListInsights",
      },
    ]);
    const text = await readFile(registry, "utf8");
    expect(text).toContain(
      "      get_cloudwatch_metrics:\n        kubernetes: [] # nothing yet\n      get_eks_insights:\n",
    );
    expect(text).toContain('        declared: { digest: "44136fa355b3" }\n        aws: []\n        beyond: "eks:');
    expect(await run(["eks-ro", "--catalogue", "awslabs-eks"])).toMatchObject({
      code: 0,
      err: "There is nothing to write; backends.yaml stays as it is.\n",
    });
  });
});
