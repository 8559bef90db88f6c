import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mintKey } from "../../src/lib/keys/key.ts";
import {
  callHeaders,
  keysJson,
  open,
  send,
  startTestGateway,
  toolCall,
  until,
  type TestGateway,
} from "../support/gateway.ts";
import { sendJson, startRawBackend, type Backend, type Received } from "../support/mcp-backend.ts";

const RESULT = '{"jsonrpc":"2.0","id":1,"result":{}}';
const mine = mintKey(randomBytes);
const theirs = mintKey(randomBytes);

let backend: Backend & { readonly received: Received[] };
let gateway: TestGateway;

/** A backend that opens session "s-1" for every initialize, and a gateway for two keys of one role. */
beforeEach(async () => {
  backend = await startRawBackend((got, response) => {
    const isInitialize = got.body.includes("initialize");
    sendJson(response, RESULT, 200, isInitialize ? { "mcp-session-id": "s-1" } : {});
  });
  gateway = await startReplica();
});

afterEach(async () => {
  await gateway.close();
  await backend.close();
});

function startReplica(sessionSecret: string | null = null): Promise<TestGateway> {
  const keys = keysJson(mine, { [`dev-readonly.${theirs.hash}`]: "dev-readonly/agent-02" });
  const elsewhere = backend.url.replace("127.0.0.1", "localhost");
  const options = sessionSecret === null ? {} : { sessionSecret };
  return startTestGateway({ "eks-ro": backend.url, sse: elsewhere }, { keys }, options);
}

const initialize = '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}';

async function openedBy(key: typeof mine, at = gateway): Promise<string> {
  const answer = await send(at.url, { headers: callHeaders(key), body: initialize });
  return String(answer.headers["mcp-session-id"]);
}

interface Use {
  readonly key?: typeof mine;
  readonly session: string;
  readonly path?: string;
  readonly method?: string;
}

const use = (at: TestGateway, { key = mine, session, path = "/mcp/eks-ro/mcp", method = "POST" }: Use) =>
  send(at.url, {
    method,
    path,
    headers: [...callHeaders(key), "mcp-session-id", session],
    body: method === "POST" ? toolCall("t") : null,
  });

/** The session ids that the backend saw beside those of `initialize`. */
const seen = (): (string | undefined)[] =>
  backend.received
    .filter(({ body }) => !body.includes("initialize"))
    .map(({ rawHeaders }) => rawHeaders[rawHeaders.findIndex((name) => name.toLowerCase() === "mcp-session-id") + 1]);

describe("a session", () => {
  it("is its owner's on every replica with the same secret, and the backend sees its own id", async () => {
    const session = await openedBy(mine);
    expect(session).not.toBe("s-1");
    const replica = await startReplica(join(gateway.folder, "session-secret"));
    try {
      const answers = [await use(gateway, { session }), await use(replica, { session })];
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
      expect(seen()).toEqual(["s-1", "s-1"]);
      expect((await use(replica, { session, method: "DELETE" })).status).toBe(200);
    } finally {
      await replica.close();
    }
  });

  it.each(["POST", "GET", "DELETE"])("of another key is 404 for a %s, and the backend sees nothing", async (method) => {
    const session = await openedBy(mine);
    const answer = await use(gateway, { key: theirs, session, method });
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([404, { error: { code: -31404 } }]);
    expect(seen()).toEqual([]);
    const [, refusal] = await gateway.waitForRecords(2);
    expect(refusal).toMatchObject({
      type: "mcp_refusal",
      user: "agent-02",
      reason: "session_foreign",
      decision: "deny",
    });
  });

  it("of another backend is 404, and so is the backend's own id", async () => {
    const session = await openedBy(mine);
    const answers = [
      await use(gateway, { session, path: "/mcp/sse/mcp" }),
      await use(gateway, { session: "s-1" }),
      await use(gateway, { session: "" }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
    expect(seen()).toEqual([]);
  });

  it("outlives one change of the secret, and not two", async () => {
    const session = await openedBy(mine);
    const [first, second, third] = [mintKey(randomBytes), mintKey(randomBytes), mintKey(randomBytes)].map(
      ({ hash }) => hash,
    );
    const original = (await readFile(join(gateway.folder, "session-secret"), "utf8")).trim();
    await gateway.put("session-secret", `${first}\n${original}\n`);
    await until(
      () => openedBy(mine),
      (id) => id !== session,
    );
    expect((await use(gateway, { session })).status).toBe(200);
    await gateway.put("session-secret", `${second}\n${third}\n`);
    await until(
      () => use(gateway, { session }),
      ({ status }) => status === 404,
    );
  });

  it("is refused while no secret was ever read, and calls without one go on", async () => {
    const replica = await startReplica(join(gateway.folder, "missing"));
    try {
      expect(replica.unreadiness()).toEqual([]);
      const session = await openedBy(mine);
      expect((await use(replica, { session })).status).toBe(503);
      expect((await send(replica.url, { headers: callHeaders(mine), body: initialize })).status).toBe(503);
      expect((await send(replica.url, { headers: callHeaders(mine), body: toolCall("t") })).status).toBe(200);
      expect(replica.logged.join()).toMatch(/session secret .* does not exist/);
    } finally {
      await replica.close();
    }
  });

  it("has one name in all its records, from the answer that opened it on", async () => {
    const session = await openedBy(mine);
    await use(gateway, { session });
    await send(gateway.url, { headers: callHeaders(mine), body: toolCall("t") });
    const records = await gateway.waitForRecords(3);
    const [opened] = records.map(({ mcp_session }) => mcp_session);
    expect(opened).toMatch(/^s_[0-9a-f]{12}$/);
    expect(records.map(({ mcp_session }) => mcp_session)).toEqual([opened, opened, null]);
  });

  it.each(["two words", "b\u00e4d", "x".repeat(3000)])(
    "with an id that no client may be given is refused",
    async (id) => {
      const odd = await startRawBackend((_got, response) => sendJson(response, RESULT, 200, { "mcp-session-id": id }));
      const other = await startTestGateway({ "eks-ro": odd.url });
      try {
        const answer = await send(other.url, { headers: callHeaders(other.key), body: initialize });
        expect([answer.status, answer.headers["mcp-session-id"]]).toEqual([502, undefined]);
      } finally {
        await other.close();
        await odd.close();
      }
    },
  );

  it("loses its streams when the grant is narrowed or its backend moves, but not when another line changes", async () => {
    const roles = (items: string): string => `roleMapping:\n  dev-readonly: [${items}]\n`;
    const quiet = await startRawBackend((_got, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
    });
    const streaming = await startTestGateway(
      { "eks-ro": quiet.url, sse: backend.url },
      { roles: roles("eks-ro, sse") },
    );
    try {
      const stream = await open(streaming.url, {
        method: "GET",
        headers: [...callHeaders(streaming.key), "mcp-session-id", streaming.session("s-1")],
      });
      const ended = new Promise<void>((done) =>
        stream
          .on("close", done)
          .on("error", () => undefined)
          .resume(),
      );
      const other = roles("eks-ro");
      await streaming.put("roles.yaml", other);
      await until(
        () => send(streaming.adminUrl, { method: "GET", path: "/state" }),
        ({ body }) => body.includes(createHash("sha256").update(other).digest("hex")),
      );
      expect(stream.destroyed).toBe(false);
      await streaming.put("roles.yaml", roles("{ backend: eks-ro, tools: { allow: [a] } }"));
      await ended;
      const [record] = await streaming.waitForRecords(1);
      expect(record).toMatchObject({ type: "mcp_tool_call", reason: "grant_changed" });
    } finally {
      await streaming.close();
      await quiet.close();
    }
  });
});
