import { readdir } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { CATALOGUE_NAMES, loadCatalogue } from "../../../src/commands/backends/catalogues.ts";
import { countTools } from "../../../src/lib/flow/mcp/count-tools.ts";
import { AppError } from "../../../src/lib/errors.ts";

describe("the catalogues", () => {
  it("are those that ship, and fit the schema of the registry", async () => {
    expect((await readdir("catalogues")).toSorted()).toEqual(CATALOGUE_NAMES.map((name) => `${name}.yaml`));
  });

  it.each([
    ["awslabs-cloudwatch", 14],
    ["awslabs-eks", 16],
    ["postgres-mcp", 9],
    ["prometheus-mcp-server", 6],
  ])("%s says exactly what each of its tools needs", (name, known) => {
    expect(countTools({ tools: loadCatalogue(name) })).toEqual({ known, exact: known, declared: 0, unknown: 0 });
  });

  it("never tell of a ServiceAccount what another identity decides", () => {
    const ofKubernetes = Object.entries(loadCatalogue("awslabs-eks")).filter(([, { beyond }]) =>
      beyond?.includes("EKS access entry"),
    );
    expect(ofKubernetes.map(([tool, { kubernetes }]) => [tool, kubernetes])).toEqual(
      [
        "list_k8s_resources",
        "get_pod_logs",
        "get_k8s_events",
        "list_api_versions",
        "manage_k8s_resource",
        "apply_yaml",
      ].map((tool) => [tool, undefined]),
    );
  });

  it.each([
    ["help", "There are: awslabs-cloudwatch, awslabs-eks, postgres-mcp, prometheus-mcp-server."],
    ["awslabs-ek", "Did you mean awslabs-eks?"],
    ["../examples/backends", "There are: awslabs-cloudwatch, awslabs-eks, postgres-mcp, prometheus-mcp-server."],
  ])("there is none called %s", (name, hint) => {
    expect(() => loadCatalogue(name)).toThrow(
      new AppError("not-found", "catalogue_not_found", `there is no catalogue "${name}"`, { hint }),
    );
  });
});
