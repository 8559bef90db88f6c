import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { until } from "../support/gateway.ts";
import { LaunchedProject } from "../support/launcher.ts";

/**
 * The story: a helper without any key opens connections until the gateway has no descriptor left. It can then no longer
 * read keys.json, keeps the last good keys in force, and a key that is revoked meanwhile goes on working.
 */
let project: LaunchedProject;
const flood: Socket[] = [];
beforeEach(async () => {
  project = await LaunchedProject.create();
});
afterEach(async () => {
  for (const socket of flood.splice(0)) socket.destroy();
  await project.remove();
});

it("a flood of connections does not keep a revoked key alive", async () => {
  const { out } = await project.mcpctl("keys", "create", "--role", "dev-readonly", "--user", "alice", "-o", "token");
  const gateway = await project.startGatewayUnder("ulimit -n 120;");
  // One connection of the caller's own is open before the flood, as an agent's would be.
  const ask = async (): Promise<number> => {
    const response = await fetch(`${gateway.url}/mcp/eks-ro/mcp`, {
      method: "POST",
      headers: { authorization: `Bearer ${out.trim()}`, "content-type": "application/json" },
      body: "[]",
    });
    await response.arrayBuffer();
    return response.status;
  };
  expect(await ask()).toBe(400);
  const port = Number(new URL(gateway.url).port);
  for (let opened = 0; opened < 200; opened += 1) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write("POST /mcp/eks-ro/mcp HTTP/1.1\r\nHost: loc");
    flood.push(socket);
  }
  expect(await project.mcpctl("keys", "revoke", "--user", "alice", "--yes")).toMatchObject({ code: 0 });
  expect(await until(ask, (status) => status !== 400)).toBe(401);
  expect(await gateway.stop()).toMatchObject({ code: 0 });
});
