import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeProject, type Project } from "../support/run-cli.ts";

let project: Project;
beforeEach(async () => {
  project = await makeProject();
});
afterEach(() => project.remove());

describe("completion", () => {
  it.each(["bash", "zsh", "fish"])("prints the script for %s, which says how it is installed", async (shell) => {
    const script = await readFile(`shell/mcpctl.${shell}`, "utf8");
    expect(await project.run(["completion", shell])).toEqual({ code: 0, out: script, err: "" });
    expect(script).toMatch(/^# Completion of mcpctl for \w+\. Once: .*\n# For good: .*mcpctl completion/m);
    expect(script).toContain("mcpctl __complete -- ");
    expect(script).not.toMatch(/\beval\b/);
  });

  it("refuses another shell: exit 2", async () => {
    expect(await project.run(["completion", "tcsh"])).toEqual({
      code: 2,
      out: "",
      err: "error: command-argument value 'tcsh' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish.\n  See --help.\n",
    });
  });
});
