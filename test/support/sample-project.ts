import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { makeProject, type Project } from "./run-cli.ts";

/** A project of the examples whose layers below the gateway are told by files, as `examples/mcpctl.yaml` names them. */
export async function makeSampleProject(): Promise<Project> {
  const project = await makeProject();
  for (const name of ["mcpctl.yaml", "manifests", "iam", "policy-layers-test.yaml"])
    await cp(join("examples", name), join(project.cwd, name), { recursive: true });
  return project;
}

/** Puts this for what is there, which must be there. */
export async function editFile(path: string, from: string | RegExp, to: string): Promise<void> {
  const text = await readFile(path, "utf8");
  expect(text).toMatch(from);
  await writeFile(
    path,
    text.replace(from, () => to),
  );
}
