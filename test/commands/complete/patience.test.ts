import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { LaunchedProject } from "../../support/launcher.ts";

const STORE = "{ type: ssm, path: /mcp/keys, region: eu-central-1, account: '123456789012' }";
const KEYS = { AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY: "test-only-not-a-secret" };

/** What a shell gets for a key id of an SSM store, and whether it had to wait for long. */
async function completeWith(env: NodeJS.ProcessEnv, files: Readonly<Record<string, string>> = {}) {
  const project = await LaunchedProject.create(env);
  onTestFinished(() => project.remove());
  await writeFile(project.path("mcpctl.yaml"), `contexts:\n  - { name: prod, store: ${STORE} }\n`);
  for (const [name, content] of Object.entries(files)) await writeFile(project.path(name), content);
  const started = performance.now();
  const finished = await project.mcpctl("__complete", "--", "keys", "show", "");
  return { ...finished, isSoon: performance.now() - started < 10_000 };
}

const NOTHING = { code: 0, out: "", err: "", isSoon: true };

describe("a shell is given its line back soon", () => {
  it("though AWS took the call and does not answer", async () => {
    const silent = createServer((socket) => socket.on("error", () => undefined));
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    onTestFinished(() => void silent.close());
    let calls = 0;
    silent.on("connection", () => (calls += 1));
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    expect(await completeWith({ ...KEYS, AWS_ENDPOINT_URL: url })).toEqual(NOTHING);
    expect(calls).toBeGreaterThan(0);
  });

  it("though the program that has the credentials does not end", async () => {
    const aws = "[default]\ncredential_process = sleep 20\n";
    expect(await completeWith({ AWS_CONFIG_FILE: "aws" }, { aws })).toEqual(NOTHING);
  });
});
