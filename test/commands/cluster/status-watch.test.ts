import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeProject, type Project } from "../../support/run-cli.ts";

let project: Project;
beforeEach(async () => {
  project = await makeProject();
  const context =
    "{ name: here, store: { type: file, path: keys.json }, gateway: { url: http://127.0.0.1:8080, admin: [] } }";
  await writeFile(join(project.cwd, "mcpctl.yaml"), `contexts: [${context}]\n`);
});
afterEach(() => project.remove());

it("--watch looks again until it is interrupted, and ends with what it saw last", async () => {
  const interrupted = new AbortController();
  const shown: string[] = [];
  const print = async (text: string): Promise<void> => {
    shown.push(text);
    if (shown.length === 2) interrupted.abort();
  };
  const watch = ["status", "--watch", "--interval", "1s", "-o", "json"];
  expect(await project.run(watch, { ports: { print, signal: interrupted.signal } })).toMatchObject({
    code: 5,
    out: "",
  });
  const unseen = [
    expect.stringContaining("denylist: file denylist.json does not exist"),
    expect.stringContaining("gateways: the context does not say where its gateways are"),
  ];
  expect(shown.map((text) => (JSON.parse(text) as { not_looked_at: string[] }).not_looked_at)).toEqual([
    unseen,
    unseen,
  ]);
});

it("on a terminal each look takes the place of the last", async () => {
  const interrupted = new AbortController();
  const shown: string[] = [];
  const print = async (text: string): Promise<void> => {
    shown.push(text);
    interrupted.abort();
  };
  await project.run(["status", "--watch"], { outIsTerminal: true, ports: { print, signal: interrupted.signal } });
  expect(shown[0]).toMatch(/^\u001b\[2J\u001b\[H.*context here/s);
});

it.each([["0s"], ["soon"]])("an interval of %s is refused", async (interval) => {
  expect(await project.run(["status", "--watch", "--interval", interval])).toMatchObject({ code: 2 });
});
