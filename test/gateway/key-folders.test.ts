import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mintKey, type MintedKey } from "../../src/lib/keys/key.ts";
import { formatTime } from "../../src/lib/time.ts";
import type { GatewayOptions } from "../../src/gateway/start-gateway.ts";
import {
  callHeaders,
  isCut,
  open,
  send,
  startTestGateway,
  toolCall,
  until,
  type TestGateway,
} from "../support/gateway.ts";
import { sendJson, startRawBackend, type Backend } from "../support/mcp-backend.ts";
import { mount } from "../support/mounted-secret.ts";

const ROLES = "roleMapping:\n  dev: [eks-ro]\n  ops: [eks-ro]\n";
const now = (agoSeconds = 0): string => formatTime(Date.now() - agoSeconds * 1000);
const [DEV, DEV2, OPS] = [mintKey(randomBytes), mintKey(randomBytes), mintKey(randomBytes)];
const REVOKED = "at=2026-11-20T10:00:00Z";

let backend: Backend;
let folder: string;
let swaps = 0;
const closing: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  backend = await startRawBackend(({ method }, response) => {
    if (method !== "GET") return sendJson(response, '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}');
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
  });
  folder = await mkdtemp(join(tmpdir(), "mcpctl-folders-"));
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  await backend.close();
  await rm(folder, { recursive: true });
});

/** What External Secrets made of a role's folder, as the kubelet mounts it. */
const render = (role: string, entries: Readonly<Record<string, string>>, synced = now()): Promise<void> =>
  mount(join(folder, role), `..${(swaps += 1)}`, { "keys.json": JSON.stringify(entries), synced });

const status = async (gateway: TestGateway, key: MintedKey): Promise<number> =>
  (await send(gateway.url, { headers: callHeaders(key), body: toolCall("t") })).status;

async function start(keys: GatewayOptions["keys"] = rolesOf("dev", "ops")): Promise<TestGateway> {
  const gateway = await startTestGateway({ "eks-ro": backend.url }, { roles: ROLES }, { keys });
  closing.push(gateway.close);
  return gateway;
}
const rolesOf = (...roles: readonly string[]): GatewayOptions["keys"] =>
  roles.map((role) => ({ path: join(folder, role), role }));
const statuses = async (gateway: TestGateway, ...keys: readonly MintedKey[]): Promise<readonly number[]> =>
  Promise.all(keys.map((key) => status(gateway, key)));
const waitFor = (gateway: TestGateway, key: MintedKey, code: number): Promise<number> =>
  until(
    () => status(gateway, key),
    (found) => found === code,
  );

const stranger = mintKey(randomBytes);

describe("role folders of keys", () => {
  it("are all served while all are well, and an unknown key is unknown", async () => {
    await render("dev", { [`dev.${DEV.hash}`]: "dev/alice" });
    await render("ops", { [`ops.${OPS.hash}`]: "ops/bob" });
    expect(await statuses(await start(), DEV, OPS, stranger)).toEqual([200, 200, 401]);
  });

  it("that stand still refuse their own keys and whatever is not known, and no others", async () => {
    await render("dev", { [`dev.${DEV.hash}`]: "dev/alice", [`dev.${DEV2.hash}`]: "dev/eve" }, now(1000));
    await render("ops", { [`ops.${OPS.hash}`]: "ops/bob" });
    const gateway = await start();
    expect(await statuses(gateway, DEV, OPS, stranger)).toEqual([503, 200, 503]);
    expect(gateway.unreadiness()).toEqual([]);
    await render("ops", { [`ops.${OPS.hash}`]: "ops/bob", [`ops.${OPS.hash}.revoked`]: REVOKED });
    await waitFor(gateway, OPS, 401);
    await render("dev", { [`dev.${DEV.hash}`]: "dev/alice" });
    await waitFor(gateway, DEV, 200);
    expect(await statuses(gateway, stranger)).toEqual([401]);
  });

  it("that stand still go on refusing what they revoked before", async () => {
    await render("dev", { [`dev.${DEV.hash}`]: "dev/alice", [`dev.${DEV.hash}.revoked`]: REVOKED }, now(1000));
    await render("ops", { [`ops.${OPS.hash}`]: "ops/bob" });
    expect(await statuses(await start(), DEV, OPS)).toEqual([401, 200]);
  });

  it("that were never there harm their own role only", async () => {
    await render("ops", { [`ops.${OPS.hash}`]: "ops/bob" });
    const gateway = await start();
    expect(await statuses(gateway, DEV, OPS)).toEqual([503, 200]);
    await render("dev", { [`dev.${DEV.hash}`]: "dev/alice" });
    await waitFor(gateway, DEV, 200);
  });

  it("are not ready when none is in use", async () => {
    const gateway = await start();
    expect(gateway.unreadiness()).toEqual(["keys_unavailable"]);
    expect(await statuses(gateway, DEV)).toEqual([503]);
    await render("ops", { [`ops.${OPS.hash}`]: "ops/bob" });
    await until(
      () => gateway.unreadiness().length,
      (count) => count === 0,
    );
  });

  it("cut the streams of their own keys when they grow too old, and leave those of others", async () => {
    await render("dev", { [`dev.${DEV.hash}`]: "dev/alice" }, now(898));
    await render("ops", { [`ops.${OPS.hash}`]: "ops/bob" });
    const gateway = await start();
    const [mine, others] = await Promise.all(
      [DEV, OPS].map((key) =>
        open(gateway.url, {
          method: "GET",
          headers: [...callHeaders(key), "mcp-session-id", gateway.session("s", "eks-ro", key)],
        }),
      ),
    );
    if (mine === undefined || others === undefined) throw new Error("two streams were opened");
    expect(await isCut(mine)).toBe(true);
    expect((await gateway.waitForRecords(1))[0]).toMatchObject({ reason: "keys_unavailable", role: "dev" });
    expect(await statuses(gateway, DEV, OPS)).toEqual([503, 200]);
    others.destroy();
  });

  it("hold nothing for other roles: a forged record opens nothing, a foreign marker ends nothing", async () => {
    await render("dev", {
      [`dev.${DEV.hash}`]: "dev/alice",
      [`ops.${stranger.hash}`]: "ops/eve",
      [`ops.${OPS.hash}.revoked`]: REVOKED,
    });
    await render("ops", { [`ops.${OPS.hash}`]: "ops/bob" });
    const gateway = await start();
    expect(await statuses(gateway, DEV, OPS, stranger)).toEqual([200, 200, 401]);
    expect(gateway.logged.join("\n")).toContain("holds 2 entries that are not of role dev and count for nothing");
  });

  it("beside a path for any role: that one takes all out of use when it fails, a folder only its own", async () => {
    await render("any", { [`ops.${OPS.hash}`]: "ops/bob" });
    await render("dev", { [`dev.${DEV.hash}`]: "dev/alice" }, now(1000));
    const gateway = await start([{ path: join(folder, "any"), role: null }, ...rolesOf("dev")]);
    expect(await statuses(gateway, DEV, OPS)).toEqual([503, 200]);
    await render("dev", { [`dev.${DEV.hash}`]: "dev/alice" });
    await waitFor(gateway, DEV, 200);
    await render("any", { [`ops.${OPS.hash}`]: "ops/bob" }, now(1000));
    await waitFor(gateway, OPS, 503);
    expect(await statuses(gateway, DEV)).toEqual([503]);
    expect(gateway.unreadiness()).toEqual(["keys_unavailable"]);
  });
});
