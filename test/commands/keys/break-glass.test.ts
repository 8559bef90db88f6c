import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeProject, type Project, type RunOptions } from "../../support/run-cli.ts";

let project: Project;
let server: Server;
let answer: object;
const REFUSES = {
  version: "1",
  instance: "gw-1",
  ready: [],
  sources: [],
  counts: { keys: 1 },
  keys: { accepted: 0, refused: [] },
  lock: { id: "lock_1", in_force: true, since: null, refused_calls: 0, first_refused_at: null, cut_calls: 0 },
};

beforeEach(async () => {
  answer = REFUSES;
  server = createServer((_, response) => response.end(JSON.stringify(answer)));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  project = await makeProject();
  const admin = [`http://127.0.0.1:${(server.address() as AddressInfo).port}`];
  await configure({ gateway: { url: "http://127.0.0.1:8080", admin } });
  await project.run(["lock", "init"]);
  await project.run(["keys", "create", "--role", "dev-readonly", "--user", "thief", "-o", "token"]);
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  await project.remove();
});

async function configure(context: object): Promise<void> {
  const store = { type: "file", path: ".mcpctl/keys.json", denylist: ".mcpctl/denylist.json" };
  const config = { currentContext: "c", contexts: [{ name: "c", store, ...context }] };
  await writeFile(join(project.cwd, "mcpctl.yaml"), JSON.stringify(config));
}

const breakGlass = (options?: RunOptions) =>
  project.run(["keys", "revoke", "--user", "thief", "--break-glass", "--yes", "--timeout", "1s"], options);
const states = async (): Promise<string> => (await project.run(["keys", "list"])).out.split("\t")[3] ?? "";

it.each([
  ["sources that are none", { sources: [null] }],
  ["keys that are none", { keys: {} }],
  ["refusals that are none", { keys: { accepted: 0, refused: [null] } }],
  ["a count that is a text", { keys: { accepted: "0", refused: [] } }],
  ["no counts", { counts: null }],
  ["a lock that is none", { lock: { in_force: true } }],
])("revokes although a gateway answers with %s, and does not take it for proof", async (_, wrong) => {
  answer = { ...REFUSES, ...wrong };
  expect(await breakGlass()).toMatchObject({ code: 6, err: expect.stringContaining("does not answer as a gateway") });
  expect(await states()).toBe("revoked");
  expect((await project.run(["status"])).code).not.toBe(70);
});

it("locks and revokes although no record can be kept, and says so", async () => {
  const { code, err } = await breakGlass({ home: join(project.cwd, "mcpctl.yaml") });
  expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining("The admin log could NOT be written") });
  expect(await states()).toBe("revoked");
});
