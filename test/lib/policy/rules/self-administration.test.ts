import { describe, expect, it } from "vitest";
import { checkText } from "../../../support/check-text.ts";

const FIELDS = "service: eks, environment: stage, owner: platform";
const declared = (bounds: string): string => `declared: { digest: "0123456789ab", bounds: ${bounds} }`;

/** What MC308 tells of a role that is granted a backend whose one tool needs this. */
function found(needs: string, access = "rw"): readonly string[] {
  const backends = `backends:\n  a: { ${FIELDS}, access: ${access}, url: "http://a", tools: { t: { ${needs} } } }\n`;
  const { findings } = checkText({ roles: ["roleMapping:\n  ops: [a]\n"], backends });
  return findings.filter(({ code }) => code === "MC308").map(({ message }) => message);
}

const told = (what: string): readonly string[] => [`a offers t, which may ${what}: the role could give itself more`];

describe("MC308", () => {
  it.each([
    ["kubernetes: [{ verb: update, resource: secrets }]", "update secrets"],
    ['kubernetes: [{ verb: delete, kind: "{kind}", apiVersion: "{v}" }]', "delete objects of kind {kind}"],
    ["kubernetes: [{ verb: delete, kind: Secret, apiVersion: v1 }]", "delete objects of kind Secret"],
    ['kubernetes: [{ verb: patch, manifest: "{resource}" }]', "patch the objects in {resource}"],
    [declared("{ kubernetes: [{ verb: create, resource: configmaps }] }"), "create configmaps"],
    [declared("{ unbounded: runs helm }"), "ask Kubernetes for anything"],
  ])("tells of a tool with %s", (needs, what) => {
    expect(found(needs)).toEqual(told(what));
  });

  it.each([
    ["kubernetes: [{ verb: get, resource: secrets }]"],
    ['kubernetes: [{ verb: delete, kind: "{kind}", apiVersion: apps/v1 }]'],
    ['kubernetes: [{ verb: delete, kind: Pod, apiVersion: "{v}" }]'],
    ['kubernetes: [{ verb: update, kind: "{kind}", apiVersion: v1, subresource: scale }]'],
    ['kubernetes: [{ verb: get, manifest: "{resource}" }]'],
    [declared("{ kubernetes: [{ verb: create, resource: pods }] }")],
    // What a person wrote wins over what the server says.
    [`kubernetes: [], ${declared("{ unbounded: runs helm }")}`],
    [`aws: [], ${declared("{ kubernetes: [{ verb: create, resource: secrets }] }")}`],
    ['declared: { digest: "0123456789ab", destructive: true }'],
  ])("tells nothing of a tool with %s", (needs) => {
    expect(found(needs)).toEqual([]);
  });

  it("takes what a server says of itself only where the backend is there to write", () => {
    expect(found(declared("{ unbounded: runs helm }"), "ro")).toEqual([]);
    expect(found("kubernetes: [{ verb: update, resource: secrets }]", "ro")).toEqual(told("update secrets"));
  });
});
