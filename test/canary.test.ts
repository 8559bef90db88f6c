import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { LaunchedProject } from "./support/launcher.ts";

/** A token belongs in the sink that was asked for and nowhere else: everything that is written or printed is searched. */
let project: LaunchedProject;

beforeAll(async () => {
  project = await LaunchedProject.create();
});

afterAll(async () => {
  await project.remove();
});

const SINKS = ["first.token", "second.token"];

it("a minted token is nowhere but in its sink", async () => {
  const seen: string[] = [];
  await create("first.token");
  const first = await read("first.token");
  const gateway = await project.startGateway("--audit", project.path("audit.jsonl"));
  seen.push(await read(`/proc/${gateway.pid}/cmdline`), await read(`/proc/${gateway.pid}/environ`));
  for (const [path, body] of calls(first)) seen.push(await ask(gateway.url + path, first, body));
  for (const path of ["/state", `/state?user=alice`, "/metrics", "/readyz"]) seen.push(await ask(gateway.admin + path));
  const [{ id }] = JSON.parse((await project.mcpctl("keys", "list", "-o", "json")).out) as [{ id: string }];
  await project.mcpctl("keys", "show", id, "--debug");
  await project.mcpctl("keys", "rotate", id, "--yes", "--out", "second.token", "--debug");
  const second = await read("second.token");
  // What people do by mistake: a token where an id or a name belongs.
  for (const args of [
    ["keys", "revoke", first, "--yes"],
    ["keys", "show", first],
    ["can", first, "eks-ro"],
  ]) {
    await project.mcpctl(...args, "--debug");
  }
  await project.mcpctl("keys", "create", "--role", first, "--user", first, "-o", "json");
  await project.mcpctl("keys", "create", "--role", "dev-readonly", "--user", "bob", "--ttl", first, "-o", "json");
  await project.mcpctl(first);
  await project.mcpctl("keys", "revoke", "--user", "alice", "--yes");
  seen.push(await ask(gateway.url + "/mcp/eks-ro/mcp", first, "{}"));
  expect((await gateway.stop()).code).toBe(0);
  const texts = [...seen, ...project.printed, ...(await filesBelow(project.folder))];
  expect(texts.length).toBeGreaterThan(20);
  for (const token of [first, second]) {
    expect(token).toMatch(/^bWNwa1[A-Za-z0-9+/]{66}$/);
    const key = Buffer.from(token, "base64").toString("latin1");
    // Any 20 characters in a row of either would give too much away.
    const pieces = [token, key].flatMap((text) =>
      [0, 20, 40].map((at) => text.slice(at + 6, at + 26)).filter((piece) => piece.length >= 14),
    );
    expect(
      texts.filter((text) => pieces.some((piece) => text.includes(piece))).map((text) => text.slice(0, 300)),
    ).toEqual([]);
  }
});

function calls(token: string): readonly (readonly [string, string])[] {
  const call = (name: string, args: object): string =>
    JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } });
  const key = Buffer.from(token, "base64").toString("latin1");
  return [
    ["/mcp/eks-ro/mcp", call("eks_get_pods", { namespace: token })],
    ["/mcp/eks-ro/mcp", call(token, { [token]: key, nested: [`Bearer ${token}`, key] })],
    ["/mcp/eks-rw/mcp", call(key, { token })],
    [`/mcp/${key.toLowerCase()}/mcp`, call("x", {})],
    [`/mcp/eks-ro/${token.slice(0, 40)}`, "{}"],
    ["/mcp/eks-ro/mcp", `{"jsonrpc":"2.0","id":"${token}","method":"${key}"}`],
    ["/mcp/eks-ro/mcp", `{"${token}":`],
  ];
}

async function create(out: string): Promise<void> {
  const { code } = await project.mcpctl(
    "keys",
    "create",
    "--role",
    "dev-readonly",
    "--user",
    "alice",
    "--out",
    out,
    "--debug",
  );
  expect(code).toBe(0);
}

async function ask(url: string, token?: string, body?: string): Promise<string> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const response = await fetch(url, { headers, ...(body === undefined ? {} : { method: "POST", body }) });
  // The id of a request is the caller's own, and goes back to nobody else.
  return `${JSON.stringify([...response.headers])} ${(await response.text()).replace(/"id":"[^"]*"/, "")}`;
}

async function read(path: string): Promise<string> {
  return (await readFile(path.startsWith("/") ? path : project.path(path), "utf8")).trim();
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !SINKS.includes(entry.name));
  return Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name), "latin1")));
}
