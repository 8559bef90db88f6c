import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { deployObjects } from "../../../src/lib/deploy/deploy-files.ts";
import { PROJECT } from "../../lib/deploy/options.ts";
import { startObjectServer, type ObjectServer } from "../../support/object-server.ts";
import { makeProject, type Project } from "../../support/run-cli.ts";

/** A project of one object beside its ConfigMaps of role file and registry. */
const ACCOUNT = deployObjects(PROJECT).filter(({ metadata }) => metadata.name === "mcp-gateway-keys-reader");

let project: Project;
let server: ObjectServer;
beforeEach(async () => {
  project = await makeProject();
  server = await startObjectServer();
  server.put("namespaces", null, "kube-system", { metadata: { uid: PROJECT.cluster } });
  const flags = ["--region", PROJECT.region, "--account", PROJECT.account, "--image", PROJECT.image];
  await project.run(["init", ...flags, "--kube-context", "test", "--cluster", PROJECT.cluster ?? ""]);
  const kustomization = await readFile(join(project.cwd, "kustomization.yaml"), "utf8");
  await writeFile(
    join(project.cwd, "kustomization.yaml"),
    kustomization.replace(/^resources:\n(  - .*\n)+/m, "resources: [deploy/one.yaml]\n"),
  );
  await writeFile(join(project.cwd, "deploy/one.yaml"), JSON.stringify(ACCOUNT[0]));
  for (const name of ["roles", "backends"]) {
    const text = await readFile(join(project.cwd, `${name}.yaml`), "utf8");
    server.put("configmaps", "mcp-gateway", `mcp-gateway-${name}`, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: `mcp-gateway-${name}`, namespace: "mcp-gateway", uid: "x" },
      data: { [`${name}.yaml`]: text },
    });
  }
});
afterEach(async () => {
  await server.stop();
  await project.remove();
});

const check = (...argv: readonly string[]) =>
  project.run([...argv, "init", "--check"], { ports: { kube: async () => server.api() } });
const put = (answer: object | 403): void =>
  server.put("serviceaccounts", "mcp-gateway", "mcp-gateway-keys-reader", answer);
const told = (numbers: string): string =>
  `Compared 3 objects with cluster ${PROJECT.cluster} at ${server.host}: ${numbers}.\n`;

describe("init --check", () => {
  it("says nothing on stdout where all is as written: exit 0", async () => {
    put({ ...ACCOUNT[0], secrets: [] });
    expect(await check()).toEqual({
      code: 0,
      out: "",
      err: told("3 as written, 0 different, 0 missing, 0 not read"),
    });
  });

  it("shows each difference with what is wanted and found, on one line without control characters: exit 1", async () => {
    const metadata = {
      ...ACCOUNT[0]?.metadata,
      annotations: { "eks.amazonaws.com/role-arn": `\u001b${"x".repeat(300)}` },
    };
    put({ ...ACCOUNT[0], metadata });
    expect(await check()).toEqual({
      code: 1,
      out: `ServiceAccount mcp-gateway/mcp-gateway-keys-reader: metadata.annotations["eks.amazonaws.com/role-arn"]: wanted "${PROJECT.iamRoleArn}", found "\\u001b${"x".repeat(193)}...\n`,
      err: told("2 as written, 1 different, 0 missing, 0 not read"),
    });
  });

  it("cannot say yes where an object could not be read: exit 7", async () => {
    put(403);
    const { code, err } = await check();
    expect([code, err]).toEqual([7, told("2 as written, 0 different, 0 missing, 1 not read")]);
  });

  it("says no where one is missing and another not read: exit 1", async () => {
    server.put("configmaps", "mcp-gateway", "mcp-gateway-roles", 403);
    const { code, err } = await check();
    expect([code, err]).toEqual([1, told("1 as written, 0 different, 1 missing, 1 not read")]);
  });

  it("compares nothing in another cluster: exit 3", async () => {
    server.put("namespaces", null, "kube-system", { metadata: { uid: "another" } });
    expect(await check()).toMatchObject({ code: 3, out: "" });
  });

  it("needs a context with a cluster: exit 3", async () => {
    await writeFile(join(project.cwd, "other.yaml"), "{}\n");
    expect(await check("--config", "other.yaml")).toEqual({
      code: 3,
      out: "",
      err: "error: context default has no cluster to compare with\n  Name a context that has one with --context, or run this in the folder of its mcpctl.yaml.\n",
    });
  });
});
