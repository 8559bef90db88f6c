import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { LaunchedProject } from "../../support/launcher.ts";

it("a shell is given its line back soon, though AWS took the call and does not answer", async () => {
  const silent = createServer((socket) => socket.on("error", () => undefined));
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  onTestFinished(() => void silent.close());
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const project = await LaunchedProject.create({
    AWS_ENDPOINT_URL: url,
    AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
    AWS_SECRET_ACCESS_KEY: "test-only-not-a-secret",
  });
  onTestFinished(() => project.remove());
  const store = "{ type: ssm, path: /mcp/keys, region: eu-central-1, account: '123456789012' }";
  await writeFile(project.path("mcpctl.yaml"), `contexts:\n  - { name: prod, store: ${store} }\n`);
  let calls = 0;
  silent.on("connection", () => (calls += 1));
  const started = performance.now();
  expect(await project.mcpctl("__complete", "--", "keys", "show", "")).toEqual({ code: 0, out: "", err: "" });
  expect(calls).toBeGreaterThan(0);
  expect(performance.now() - started).toBeLessThan(10_000);
});
