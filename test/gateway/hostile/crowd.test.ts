import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { callHeaders, send, startTestGateway, toolCall, until } from "../../support/gateway.ts";
import { startRawBackend } from "../../support/mcp-backend.ts";
import { ANSWER } from "./observed.ts";
import { tcpSockets } from "./backend-run.ts";

/** Five thousand, or what half of this process's descriptors leave: more the gateway does not take. */
const [, limit = "1024"] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
const CROWD = Math.min(5_000, Math.floor(Number(limit) / 2) - 200);

it(`a crowd of ${CROWD} connections that ask for nothing does not keep a call out, and leaves nothing behind`, async () => {
  const backend = await startRawBackend(ANSWER);
  const gateway = await startTestGateway({ "eks-ro": backend.url });
  const call = async (): Promise<number> =>
    (await send(gateway.url, { headers: callHeaders(gateway.key), body: toolCall("t") })).status;
  const script = fileURLToPath(new URL("crowd-client.ts", import.meta.url));
  const before = tcpSockets();
  const crowd = spawn(process.execPath, [script, new URL(gateway.url).port, String(CROWD)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const left = new Promise((resolve) => crowd.once("exit", resolve));
  try {
    const [ready] = (await crowd.stdout.take(1).toArray()) as Buffer[];
    expect(String(ready)).toBe("ready\n");
    await until(tcpSockets, (count) => count >= before + CROWD);
    for (let count = 0; count < 20; count += 1) expect(await call()).toBe(200);
    expect(gateway.logged.filter((line) => line.includes("could not"))).toEqual([]);
  } finally {
    crowd.stdin.end();
    await left;
  }
  // One for the connection that the gateway keeps to its backend, at both ends.
  await until(tcpSockets, (count) => count <= before + 2);
  expect(await call()).toBe(200);
  await gateway.close();
  await backend.close();
});
