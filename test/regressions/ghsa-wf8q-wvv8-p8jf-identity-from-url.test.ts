import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { mintKey } from "../../src/lib/keys/key.ts";
import { callHeaders, toolCall } from "../support/gateway.ts";
import { HONEST, PASSED, refused, startScene, valuesOf, type Scene, type Verdict } from "../support/incident.ts";

/**
 * The story (GHSA-wf8q-wvv8-p8jf, MCPHub): the user name in the URL was the identity, so whoever wrote another name
 * there was that user. This gateway takes the identity from the key alone: no part of the URL, no header and no argument
 * sets user or role, and a URL that names them is not served.
 */
const keys = { admin: mintKey(randomBytes), reader: mintKey(randomBytes) };
let scene: Scene;
beforeAll(async () => {
  scene = await startScene({
    files: {
      keys: JSON.stringify({
        [`admin.${keys.admin.hash}`]: "admin/root",
        [`reader.${keys.reader.hash}`]: "reader/agent-02",
      }),
      roles: "roleMapping: { admin: [eks-ro, narrow], reader: [eks-ro] }\n",
    },
  });
});
afterAll(() => scene.close());

const PLAIN_404 = refused(404, null, "path_unknown");
const MCP_404 = refused(404, -31404, "path_unknown");
const NO_BACKEND = refused(404, -31404, "backend_unknown");
const reader = (path: string, headers: readonly string[] = [], body = HONEST) => ({
  path,
  headers: [...callHeaders(keys.reader), ...headers],
  body,
});

it.each<[string, Verdict]>([
  ["/root/mcp/eks-ro/mcp", PLAIN_404],
  ["/mcp/eks-ro/mcp?user=root", PLAIN_404],
  ["/mcp/eks-ro/mcp?role=admin&user=root", PLAIN_404],
  ["/mcp/eks-ro/mcp;user=root", PLAIN_404],
  ["/mcp/eks-ro/mcp#root", PLAIN_404],
  ["/mcp/root@eks-ro/mcp", PLAIN_404],
  ["/~root/mcp/eks-ro/mcp", PLAIN_404],
  ["//root@localhost/mcp/eks-ro/mcp", PLAIN_404],
  ["http://root:x@localhost/mcp/eks-ro/mcp", PLAIN_404],
  ["/mcp/root/eks-ro", NO_BACKEND],
  ["/mcp/root/mcp", NO_BACKEND],
  ["/mcp/admin/eks-ro/mcp", NO_BACKEND],
  ["/mcp/eks-ro/root", MCP_404],
  ["/mcp/eks-ro/root/mcp", MCP_404],
  ["/mcp/eks-ro/mcp/root", MCP_404],
])("%s makes nobody root", async (path, verdict) => {
  const before = (await scene.gateway.records()).length;
  expect(await scene.verdicts([reader(path), reader("/mcp/eks-ro/mcp")])).toEqual([verdict, PASSED]);
  const [record] = (await scene.gateway.records()).slice(before);
  expect([record?.user, record?.role]).toEqual(verdict === PLAIN_404 ? [null, null] : ["agent-02", "reader"]);
});

it.each([
  "x-mcpctl-user",
  "X-Mcpctl-Role",
  "x_mcpctl_user",
  "remote-user",
  "x-remote-user",
  "x-forwarded-user",
  "x-forwarded-email",
])("%s makes nobody root, and the backend sees whose the key is", async (name) => {
  expect(await scene.verdicts([reader("/mcp/eks-ro/mcp", [name, "root"])])).toEqual([PASSED]);
  const [received] = scene.backend.received.slice(-1);
  const seen = ["x-mcpctl-user", "x-mcpctl-role", name.toLowerCase()].map(
    (each) => received && valuesOf(received, each),
  );
  expect(seen.slice(0, 2)).toEqual([["agent-02"], ["reader"]]);
  expect(received?.rawHeaders).not.toContain("root");
});

it("an argument makes nobody root", async () => {
  const body = toolCall("eks_get_pods", '{"user":"root","role":"admin","x-mcpctl-user":"root"}');
  expect(await scene.verdicts([reader("/mcp/eks-ro/mcp", [], body)])).toEqual([PASSED]);
  expect((await scene.gateway.records()).at(-1)).toMatchObject({ user: "agent-02", role: "reader" });
});

it("what only root may open stays closed to others, under the same URL", async () => {
  const asRoot = { path: "/mcp/narrow/mcp", headers: callHeaders(keys.admin), body: HONEST };
  expect(await scene.verdicts([reader("/mcp/narrow/mcp"), asRoot])).toEqual([
    refused(403, -31403, "backend_not_granted"),
    PASSED,
  ]);
  expect(scene.backend.received.slice(-1).map((got) => valuesOf(got, "x-mcpctl-user"))).toEqual([["root"]]);
});

it("a key gives its own user even for a URL that another used before", async () => {
  const users: string[] = [];
  for (const key of [keys.admin, keys.reader, keys.admin, keys.reader]) {
    await scene.verdicts([{ headers: callHeaders(key), body: HONEST }]);
    users.push(...scene.backend.received.slice(-1).flatMap((got) => valuesOf(got, "x-mcpctl-user")));
  }
  expect(users).toEqual(["root", "agent-02", "root", "agent-02"]);
});
