import { readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { AppError } from "../../../src/lib/errors.ts";
import { makeProject, NOW, type Project, type RunOptions } from "../../support/run-cli.ts";

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
  server = createServer(({ url }, response) => {
    const id = new URL(url ?? "", "http://gateway").searchParams.get("lock");
    const asked = "lock" in answer && answer.lock === REFUSES.lock ? { lock: { ...REFUSES.lock, id } } : {};
    response.end(JSON.stringify({ ...answer, ...(id === null ? { lock: null } : asked) }));
  });
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

it.each([
  ["whose server is no URL", { server: "10.0.0.1:6443" }, {}],
  ["whose server has no scheme", { server: "localhost:6443" }, {}],
  ["with a token that is none", { server: "https://127.0.0.1:1" }, { token: "two\nlines" }],
  [
    "with a certificate that is none",
    { server: "https://127.0.0.1:1" },
    { "client-certificate-data": "eHg=", "client-key-data": "eHg=" },
  ],
])("revokes with a kubeconfig %s", async (_, cluster, user) => {
  const file = join(project.cwd, "kubeconfig");
  const contexts = [{ name: "test", context: { cluster: "c", user: "u" } }];
  const kubeconfig = { contexts, clusters: [{ name: "c", cluster }], users: [{ name: "u", user }] };
  await writeFile(file, JSON.stringify({ apiVersion: "v1", kind: "Config", ...kubeconfig }));
  const uid = "3f0c1c0e-6d0e-4a7e-9d0b-5a4e8b1d2c3f";
  await configure({ kubernetes: { context: "test", cluster: uid, namespace: "mcp", denylist: "d" } });
  expect(await breakGlass({ env: { KUBECONFIG: file } })).toMatchObject({
    code: 6,
    err: expect.stringContaining("NOT locked"),
  });
  expect(await states()).toBe("revoked");
});

it("a lock that is old enough stays for ten minutes after the revocation", async () => {
  const later = (minutes: number) => ({ now: () => NOW + minutes * 60_000 });
  const path = join(project.cwd, ".mcpctl/denylist.json");
  const revokes = { id: "lock_old", match: { user: "thief" }, reason: "no store", tell: false, revokes: true };
  const at = "2026-11-20T10:00:00Z";
  await writeFile(path, JSON.stringify({ locks: [{ ...revokes, by: "alice", at, until: null }] }));
  const stays = { code: 0, err: expect.stringContaining("The lock stays: it stands until 2026-11-20T10:21:00Z") };
  expect(await breakGlass(later(11))).toMatchObject(stays);
  expect(await project.run(["lock", "remove", "lock_old"], later(20))).toMatchObject({ code: 1 });
  expect(await breakGlass(later(21))).toMatchObject({ code: 0, err: expect.stringContaining("lock_old is ended") });
});

it("keeps its receipt although the end of the lock fails", async () => {
  expect(await breakGlass()).toMatchObject({ code: 0 });
  let opened = 0;
  const store = async () => {
    if ((opened += 1) > 1) throw new AppError("unavailable", "store_away", "the store is away");
    return project.fileStore();
  };
  const later = { now: () => NOW + 11 * 60_000, ports: { store } };
  expect(await breakGlass(later)).toMatchObject({
    code: 6,
    err: expect.stringContaining("The lock stays: the store is away"),
  });
  const log = (await readFile(join(project.cwd, ".local/state/mcpctl/admin.jsonl"), "utf8")).trim().split("\n");
  expect(log.map((line) => (JSON.parse(line) as { phase: string }).phase)).toEqual(["begun", "done", "begun", "done"]);
});

it.each(["policy_unavailable", "locks_unavailable", "keys_unavailable"])(
  "a gateway that refuses a key by %s alone has proven nothing",
  async (reason) => {
    answer = { ...REFUSES, keys: { accepted: 0, refused: [{ key_id: "k_0123456789ab", reason }] } };
    expect(await breakGlass()).toMatchObject({ code: 6, err: expect.stringContaining(`(${reason})`) });
  },
);

it("a bug on the way to the cluster keeps nobody from revoking in the store", async () => {
  await configure({
    kubernetes: { context: "c", cluster: "3f0c1c0e-6d0e-4a7e-9d0b-5a4e8b1d2c3f", namespace: "mcp", denylist: "locks" },
  });
  const kube = async (): Promise<never> => {
    throw new TypeError("a bug that a test made up");
  };
  expect(await breakGlass({ ports: { kube } })).toMatchObject({
    code: 6,
    err: expect.stringContaining("NOT locked: a bug in mcpctl: a bug that a test made up."),
  });
  expect(await states()).toBe("revoked");
});
