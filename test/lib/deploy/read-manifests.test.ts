import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deployFiles, deployObjects } from "../../../src/lib/deploy/deploy-files.ts";
import { clusterProjectFiles } from "../../../src/lib/deploy/project-files.ts";
import { readManifests } from "../../../src/lib/deploy/read-manifests.ts";
import { PROJECT } from "./options.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcpctl-manifests-"));
});
afterEach(() => rm(folder, { recursive: true }));

const put = async (path: string, content: string): Promise<void> => {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), content);
};

describe("readManifests", () => {
  it("reads back what init writes, with the ConfigMaps of role file and registry", async () => {
    for (const { path, content } of [...clusterProjectFiles(PROJECT), ...deployFiles(PROJECT)])
      await put(path, content);
    await put("roles.yaml", "roleMapping: {}\n");
    await put("backends.yaml", "backends: {}\n");
    const map = (name: string, data: object): object => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace: "mcp-gateway" },
      data,
    });
    expect(readManifests(folder)).toEqual([
      ...deployObjects(PROJECT),
      map("mcp-gateway-roles", { "roles.yaml": "roleMapping: {}\n" }),
      map("mcp-gateway-backends", { "backends.yaml": "backends: {}\n" }),
    ]);
  });

  it("reads a data key that is named otherwise than its file", async () => {
    const options = "generatorOptions: { disableNameSuffixHash: true }\n";
    await put(
      "kustomization.yaml",
      `configMapGenerator: [{ name: x, namespace: ns, files: [a.yaml=d/b] }]\n${options}`,
    );
    await put("d/b", "text");
    expect(readManifests(folder)).toEqual([
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x", namespace: "ns" }, data: { "a.yaml": "text" } },
    ]);
  });

  it.each([
    ["patches: []", 'kustomization.yaml has the field "patches" that is not evaluated here'],
    ["namespace: other", 'kustomization.yaml has the field "namespace" that is not evaluated here'],
    ["resources: {}", "kustomization.yaml is of a form that is not evaluated here"],
    [
      "configMapGenerator: [{ name: x, namespace: ns, files: [], literals: [a=b] }]",
      "kustomization.yaml is of a form that is not evaluated here",
    ],
    [
      "configMapGenerator: [{ name: x, namespace: ns, files: [] }]",
      "kustomization.yaml has generatorOptions other than `disableNameSuffixHash: true` that is not evaluated here",
    ],
    ["[]", "kustomization.yaml holds something that is not an object"],
  ])("refuses a kustomization that it would read otherwise than kubectl: %s", async (text, problem) => {
    await put("kustomization.yaml", `${text}\n`);
    expect(() => readManifests(folder)).toThrow(problem);
  });

  it.each([
    ["a: 1\na: 2\n", "x.yaml:2:1"],
    ["- 1\n", "x.yaml holds something that is not an object"],
    ["kind: Role\napiVersion: v1\n", "x.yaml holds something without apiVersion, kind or name"],
    ["kind: Role\napiVersion: v1\nmetadata: { name: 1 }\n", "x.yaml holds something without apiVersion, kind or name"],
  ])("refuses a manifest that says nothing certain: %o", async (text, problem) => {
    await put("kustomization.yaml", "resources: [x.yaml]\n");
    await put("x.yaml", text);
    expect(() => readManifests(folder)).toThrow(problem);
  });

  it("says which file is missing", async () => {
    expect(() => readManifests(folder)).toThrow(`${join(folder, "kustomization.yaml")} does not exist`);
  });
});
