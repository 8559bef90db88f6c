import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { parseDenylist } from "../../../src/lib/policy/locks.ts";
import { LaunchedProject } from "../../support/launcher.ts";

const ATTEMPTS = 12;
/** From before the first line of code to after the last. */
const STEP_MS = 40;
const BREAK_GLASS = ["keys", "revoke", "--user", "thief", "--break-glass", "--yes"];

let project: LaunchedProject;
beforeEach(async () => {
  project = await LaunchedProject.create({ XDG_STATE_HOME: "state" });
  const store = "{ type: file, path: keys.json, denylist: denylist.json }";
  const context = `{ name: here, store: ${store}, gateway: { url: http://127.0.0.1:8080, admin: [] } }`;
  await writeFile(project.path("mcpctl.yaml"), `contexts: [${context}]\n`);
  await project.mcpctl("keys", "create", "--role", "dev-readonly", "--user", "thief", "-o", "token");
});
afterEach(() => project.remove());

it("killed at any moment it leaves nothing half-written, and repeating it locks and revokes", async () => {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const launched = project.launch(...BREAK_GLASS);
    await delay(attempt * STEP_MS);
    launched.kill("SIGKILL");
    await launched.finished;
    parseDenylist(await readFile(project.path("denylist.json"), "utf8"), "denylist.json");
    expect(await project.mcpctl("keys", "list", "-o", "json")).toMatchObject({ code: 0 });
  }
  // No gateway is named that could prove it.
  expect(await project.mcpctl(...BREAK_GLASS)).toMatchObject({ code: 6 });
  expect(JSON.parse((await project.mcpctl("keys", "list", "-o", "json")).out)).toMatchObject([{ state: "revoked" }]);
  const { locks } = parseDenylist(await readFile(project.path("denylist.json"), "utf8"), "denylist.json");
  expect(locks).toMatchObject([{ target: "user", value: "thief", revokes: true, until: null }]);
  const log = await readFile(project.path("state/mcpctl/admin.jsonl"), "utf8");
  // A line that a kill cut short is none; what was begun last is done.
  const lines = log
    .trimEnd()
    .split("\n")
    .filter((line) => line.endsWith("}"));
  const phases = lines.map((line) => (JSON.parse(line) as { phase: string }).phase);
  expect(phases.slice(-2)).toEqual(["begun", "done"]);
}, 120_000);
