import { describe, expect, it } from "vitest";
import { judgeTool } from "../../../src/lib/flow/judge-tool.ts";
import { needOfTool, type Kinds } from "../../../src/lib/flow/tool-need.ts";
import { readRegistry, type Backend } from "../../../src/lib/policy/registry.ts";
import { scriptedLayers } from "../../support/scripted-layers.ts";

const IDENTITY = "serviceAccount: mcp/x, iamRole: 'arn:aws:iam::111122223333:role/x'";

function backendOf(tool: string, identity = IDENTITY): Backend {
  const fields = `service: s, environment: e, access: ro, owner: o, url: "http://x:1", ${identity}`;
  const text = `backends:\n  x: { ${fields}, tools: { t: ${tool} } }\n`;
  const { registry, findings } = readRegistry("b.yaml", Buffer.from(text));
  expect(findings).toEqual([]);
  return registry.get("x") as Backend;
}

const kinds: Kinds = (apiVersion, kind) =>
  apiVersion === "apps/v1" && kind === "Deployment"
    ? { group: "apps", resource: "deployments", isNamespaced: true }
    : apiVersion === "v1" && kind === "Node"
      ? { group: "", resource: "nodes", isNamespaced: false }
      : null;

async function outcomes(
  tool: string,
  script: Parameters<typeof scriptedLayers>[0] = {},
  {
    args = {},
    assume = "allow",
    identity,
  }: { args?: Record<string, string>; assume?: "allow" | "deny" | "unknown"; identity?: string } = {},
): Promise<readonly string[]> {
  const backend = backendOf(tool, identity);
  const layers = scriptedLayers(script, assume);
  const need = needOfTool(backend, "t", { args: new Map(Object.entries(args)), kinds });
  const { kubernetes, aws } = await judgeTool(backend, need, layers);
  return [kubernetes.outcome, aws.outcome, ...layers.asked];
}

const DIGEST = "digest: 0123456789ab";

describe("judgeTool", () => {
  it("asks for every need, and all must be allowed", async () => {
    const tool = "{ kubernetes: [{ verb: get, resource: pods }, { verb: delete, resource: pods, namespace: '{ns}' }] }";
    const asked = ["mcp/x get pods", "mcp/x delete pods"];
    expect(await outcomes(tool)).toEqual(["allow", "allow", ...asked]);
    expect(await outcomes(tool, { delete: "deny" })).toEqual(["deny", "allow", ...asked]);
    expect(await outcomes(tool, { delete: "unknown" })).toEqual(["unknown", "allow", ...asked]);
    expect(await outcomes(tool, { get: "unknown", delete: "deny" })).toEqual(["deny", "allow", ...asked]);
  });

  it("asks AWS for every action, and whether the pod gets the role's credentials", async () => {
    const tool = '{ aws: [{ action: "ec2:StartInstances", resource: "arn:aws:ec2:*:*:instance/{id}" }] }';
    const asked = "arn:aws:iam::111122223333:role/x ec2:StartInstances arn:aws:ec2:*:*:instance/i-1";
    const args = { id: "i-1" };
    expect(await outcomes(tool, {}, { args })).toEqual(["allow", "allow", asked]);
    expect(await outcomes(tool, { "ec2:StartInstances": "deny" }, { args })).toEqual(["allow", "deny", asked]);
    expect(await outcomes(tool, {}, { args, assume: "deny" })).toEqual(["allow", "deny", asked]);
    expect(await outcomes(tool, {}, { args, assume: "unknown" })).toEqual(["allow", "unknown", asked]);
  });

  it("of an upper bound says yes when all is allowed, no when nothing is, else unknown", async () => {
    const bound = `{ declared: { ${DIGEST}, bounds: { kubernetes: [{ verb: get, resource: pods }, { verb: delete, resource: pods }] } } }`;
    const identity = "serviceAccount: mcp/x";
    const of = async (script: Parameters<typeof scriptedLayers>[0]) => (await outcomes(bound, script, { identity }))[0];
    expect(await of({})).toBe("allow");
    expect(await of({ get: "deny", delete: "deny" })).toBe("deny");
    expect(await of({ delete: "deny" })).toBe("unknown");
    expect(await of({ get: "deny", delete: "unknown" })).toBe("unknown");
    const none = `{ declared: { ${DIGEST}, bounds: { kubernetes: [] } } }`;
    expect(await outcomes(none, {}, { identity })).toEqual(["allow", "allow"]);
    // Whoever has a role in AWS may use it, and the server does not say.
    expect(await outcomes(none)).toEqual(["allow", "unknown"]);
  });

  it("takes an empty argument for one that is left out, where the server declares what it needs", () => {
    const need = "{ verb: get, resource: pods, namespace: '{namespace}', name: '{name}' }";
    const args = new Map(Object.entries({ namespace: "", name: "web" }));
    const shown = (tool: string): readonly string[] => {
      const found = needOfTool(backendOf(tool), "t", { args, kinds });
      return found.kind === "unknown" ? [] : found.kubernetes.map((step) => step.shown);
    };
    expect(shown(`{ declared: { ${DIGEST}, bounds: { kubernetes: [${need}] } } }`)).toEqual([
      "get pods web in namespace {namespace}",
    ]);
    expect(shown(`{ kubernetes: [${need}] }`)).toEqual(["get pods web in namespace "]);
  });

  it.each([
    ["a slash in a name", { name: "web/log" }],
    ["one that is escaped", { name: "web%2Flog" }],
    ["a way up", { name: ".." }],
    ["a slash in a namespace", { namespace: "a/pods/b", name: "web" }],
    ["a slash too many in a resource", { resource: "pods/../secrets", name: "web" }],
    ["no name of one object", { name: "" }],
  ])("does not know what a server makes of %s", async (_what, args: Record<string, string>) => {
    const need = "{ verb: get, resource: '{resource}', namespace: '{namespace}', name: '{name}' }";
    const all = { resource: "pods", namespace: "a", ...args };
    expect(await outcomes(`{ kubernetes: [${need}] }`, {}, { args: all })).toEqual(["unknown", "allow"]);
  });

  it("lets an empty name be where no object is named", async () => {
    const tool = "{ kubernetes: [{ verb: list, resource: pods, name: '{name}' }] }";
    expect(await outcomes(tool, {}, { args: { name: "" } })).toEqual(["allow", "allow", "mcp/x list pods"]);
  });

  it("prefers what is exact to what the server declares", async () => {
    const tool = `{ kubernetes: [], declared: { ${DIGEST}, bounds: { kubernetes: [{ verb: delete, resource: pods }] } } }`;
    expect(await outcomes(tool, { delete: "deny" })).toEqual(["allow", "allow"]);
  });

  it.each([
    ["{}", "says nothing"],
    [`{ declared: { ${DIGEST}, readOnly: true } }`, "hints alone"],
    [`{ declared: { ${DIGEST}, bounds: { unbounded: it runs anything } } }`, "no bound"],
    ['{ beyond: "the database" }', "only what is beyond"],
  ])("does not know what is needed: %s (%s)", async (tool) => {
    expect(await outcomes(tool)).toEqual(["unknown", "unknown"]);
  });

  it("does not know what an identity that is not named may do", async () => {
    const tool = '{ kubernetes: [{ verb: get, resource: pods }], aws: [{ action: "ec2:X", resource: "*" }] }';
    expect(await outcomes(tool, {}, { identity: "path: mcp" })).toEqual(["unknown", "unknown"]);
  });

  it("resolves a kind by discovery, where the arguments tell it", async () => {
    const tool =
      "{ kubernetes: [{ verb: get, kind: '{kind}', apiVersion: '{apiVersion}', subresource: scale, namespace: '{ns}' }] }";
    const of = (args: Record<string, string>) => outcomes(tool, {}, { args });
    expect(await of({ kind: "Deployment", apiVersion: "apps/v1" })).toEqual([
      "allow",
      "allow",
      "mcp/x get deployments/scale",
    ]);
    expect(await of({ kind: "Deployment" })).toEqual(["unknown", "allow"]);
    expect(await of({ kind: "Widget", apiVersion: "example.com/v1" })).toEqual(["unknown", "allow"]);
    const step = needOfTool(backendOf(tool), "t", {
      args: new Map([
        ["kind", "Node"],
        ["apiVersion", "v1"],
        ["ns", "a"],
      ]),
      kinds,
    });
    expect(step).toMatchObject({ kubernetes: [{ shown: "get nodes/scale", request: { namespace: null } }] });
  });

  it("does not know which objects an argument holds", async () => {
    expect(await outcomes("{ kubernetes: [{ verb: create, manifest: '{resource}' }] }")).toEqual(["unknown", "allow"]);
  });

  it("asks nobody for a layer that cannot be asked, and says what would be needed", async () => {
    const backend = backendOf("{ kubernetes: [{ verb: get, resource: pods }] }");
    const need = needOfTool(backend, "t", { args: new Map(), kinds });
    const { kubernetes } = await judgeTool(backend, need, {
      kubernetes: { missing: "manifests" },
      aws: { missing: "-" },
    });
    expect(kubernetes).toMatchObject({ outcome: "unknown", why: { reason: "not_asked", missing: ["manifests"] } });
  });
});
