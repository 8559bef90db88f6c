import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mintKey, type MintedKey } from "../../src/lib/keys/key.ts";
import { callHeaders, keysJson, send, until, type Ask } from "../support/gateway.ts";
import { backendSession, HONEST, PASSED, startScene, valuesOf, type Scene, type Verdict } from "../support/incident.ts";

/**
 * The story: session ids that could be guessed because they were pointers (CVE-2025-6515), and ids that were bound to
 * nobody (CVE-2026-33946, the Ruby SDK), let another client into a session. Gateways
 * that compare only the backend of a session have the same hole; and a session must not outlive its key (muninndb#615).
 * This gateway binds a session to the key and the backend that it was opened with: to everyone else it is not there,
 * whatever the HTTP method, and its key is asked again for every request.
 */
const owner = mintKey(randomBytes);
const thief = mintKey(randomBytes);
const colleague = mintKey(randomBytes);
const ENTRIES = {
  [`dev-readonly.${thief.hash}`]: "dev-readonly/agent-02",
  // Another key of the owner's own user and role.
  [`dev-readonly.${colleague.hash}`]: "dev-readonly/agent-01",
};
let scene: Scene;
let session: string;
beforeEach(async () => {
  scene = await startScene({ files: { keys: keysJson(owner, ENTRIES) } });
  session = await scene.openSession("/mcp/eks-ro/mcp", owner);
});
afterEach(() => scene.close());

const METHODS = ["POST", "GET", "DELETE"] as const;
const inSession = (method: string, key: MintedKey, id: string, path = "/mcp/eks-ro/mcp"): Ask => ({
  method,
  path,
  headers: [...callHeaders(key), "mcp-session-id", id],
  body: method === "POST" ? HONEST : null,
});
/** What decides here: the status, the true reason, and that no backend saw it. */
const seen = ({ status, reason, reached }: Verdict): unknown => ({ status, reason, reached });
const FOREIGN = { status: 404, reason: "session_foreign", reached: "nothing" };

describe.each(METHODS)("%s", (method) => {
  it.each([
    ["another user's key", thief, "/mcp/eks-ro/mcp"],
    ["another key of the same user", colleague, "/mcp/eks-ro/mcp"],
    ["the same key at another backend", owner, "/mcp/narrow/mcp"],
    ["another key at another backend", thief, "/mcp/narrow/mcp"],
  ])("in a session with %s is 404, and with its owner's passes", async (_what, key, path) => {
    const [stolen, own] = await scene.verdicts([
      inSession(method, key, session, path),
      inSession(method, owner, session),
    ]);
    expect([stolen && seen(stolen), own]).toEqual([FOREIGN, PASSED]);
  });

  it("with the id that the backend itself gave is nobody's but the owner's", async () => {
    const [stolen] = await scene.verdicts([inSession(method, thief, backendSession(1))]);
    expect([stolen?.status, stolen?.reached]).toEqual([404, "nothing"]);
  });

  it("by its owner reaches the backend with the backend's own id, once", async () => {
    expect(await scene.verdicts([inSession(method, owner, session)])).toEqual([PASSED]);
    expect(scene.backend.received.slice(-1).map((got) => [got.method, valuesOf(got, "mcp-session-id")])).toEqual([
      [method, [backendSession(1)]],
    ]);
  });

  it("by its owner is 401 once the key was revoked", async () => {
    await scene.gateway.put("keys.json", keysJson(owner, { ...ENTRIES, [`dev-readonly.${owner.hash}.revoked`]: "" }));
    await until(
      async () => (await send(scene.gateway.adminUrl, { method: "GET", path: `/state?key=${owner.id}` })).body,
      (body) => body.includes('"key_revoked"'),
    );
    const [own] = await scene.verdicts([inSession(method, owner, session)]);
    expect(own).toEqual({ status: 401, code: -31401, reason: "key_revoked", reached: "nothing" });
  });
});

it("a session id that stands twice is refused, whichever is the sender's own", async () => {
  const twice = inSession("POST", owner, session);
  const [verdict] = await scene.verdicts([
    { ...twice, headers: [...(twice.headers ?? []), "Mcp-Session-Id", "another"] },
  ]);
  expect(verdict).toEqual({ status: 400, code: -32600, reason: "http_malformed", reached: "nothing" });
});

it("a thief who opens a session of his own does not reach the owner's by it", async () => {
  const own = await scene.openSession("/mcp/eks-ro/mcp", thief);
  const [mine, stolen] = await scene.verdicts([inSession("POST", thief, own), inSession("POST", thief, session)]);
  expect([mine, stolen && seen(stolen)]).toEqual([PASSED, FOREIGN]);
});
