import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { run } from "../../src/cli.ts";
import { connect } from "../../src/lib/cluster/connection.ts";
import { denylistMap } from "../../src/lib/cluster/denylist-map.ts";
import { forceSync } from "../../src/lib/cluster/force-sync.ts";
import { KubeApi } from "../../src/lib/cluster/kube-api.ts";
import type { SecretObject } from "../../src/lib/cluster/objects.ts";
import { memoryIo } from "../support/memory-io.ts";
import { MOTO_ACCOUNT, startMoto, TEST_CREDENTIALS, type MotoServer } from "../support/moto.ts";
import { eventually, freePort, startChild, type Child } from "./support/children.ts";
import { startExternalSecrets } from "./support/external-secrets.ts";
import { installCrds, NODE_ADDRESS, startKubernetes, type Kubernetes } from "./support/kubernetes.ts";

interface Deployment {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly args: readonly string[] }[] } };
  };
}

const REGION = "eu-central-1";
const HASH = "a".repeat(64);

let kubernetes: Kubernetes;
let moto: MotoServer;
let operator: Child;
let folder: string;
beforeAll(async () => {
  [kubernetes, moto] = await Promise.all([startKubernetes(["oncall"]), startMoto()]);
  await installCrds(kubernetes);
  operator = await startExternalSecrets(kubernetes, moto.url);
  folder = await mkdtemp(join(tmpdir(), "mcpctl-init-"));
});
afterAll(async () => {
  await operator.stop();
  await Promise.all([kubernetes.stop(), moto.stop()]);
  await rm(folder, { recursive: true });
});

async function mcpctl(...argv: readonly string[]) {
  const memory = memoryIo({ cwd: folder, env: { KUBECONFIG: await kubernetes.kubeconfig("admin") } });
  return { code: await run(argv, memory.io), out: memory.out() };
}

it("renders the store's records, and nothing that only lies beside them, by the ServiceAccount that init writes", async () => {
  const ssm = new SSMClient({ endpoint: moto.url, region: REGION, credentials: TEST_CREDENTIALS });
  const put = (name: string, value: string): Promise<object> =>
    ssm.send(new PutParameterCommand({ Name: `/mcp-gateway/keys/${name}`, Value: value, Type: "SecureString" }));
  await put(`dev-readonly/${HASH}`, "dev-readonly/alice");
  await put(`dev-readonly/${HASH}.revoked`, "at=2026-11-20T10:00:00Z");
  await put("stray", "x");
  ssm.destroy();
  for (const namespace of ["mcp-gateway", "mcp-servers"]) await kubernetes.kubectl(["create", "namespace", namespace]);
  const flags = ["--region", REGION, "--account", MOTO_ACCOUNT, "--kube-context", "test", "--image", "x"];
  expect((await mcpctl("init", ...flags)).code).toBe(0);
  await kubernetes.kubectl(["apply", "--server-side", "-k", folder]);
  const { data = {} } = await eventually(
    () =>
      kubernetes.admin.send<SecretObject>({
        verb: "get",
        resource: "secrets",
        namespace: "mcp-gateway",
        name: "mcp-gateway-keys",
      }),
    () => `External Secrets rendered nothing:\n${operator.log()}`,
    40_000,
  );
  const text = (key: string): string => Buffer.from(data[key] ?? "", "base64").toString();
  expect([Object.keys(data).toSorted(), JSON.parse(text("keys.json"))]).toEqual([
    ["keys.json", "synced"],
    { [`dev-readonly.${HASH}`]: "dev-readonly/alice", [`dev-readonly.${HASH}.revoked`]: "at=2026-11-20T10:00:00Z" },
  ]);
  expect(text("synced")).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/);
});

it("lets whoever is on call force the sync and ask for its failures, and is then still as written", async () => {
  const bound = ["--role=mcp-gateway-oncall", "--user=oncall", "--namespace=mcp-gateway"];
  await kubernetes.kubectl(["create", "rolebinding", "oncall", ...bound]);
  const env = { KUBECONFIG: await kubernetes.kubeconfig("oncall") };
  const api = new KubeApi(connect({ context: "test", env, home: folder }));
  const { signal } = new AbortController();
  const onNoEvents = (error: Error): never => {
    throw error;
  };
  const ref = { namespace: "mcp-gateway", name: "mcp-gateway-keys" };
  const synced = await forceSync(api, ref, { deadline: performance.now() + 20_000, signal, onNoEvents });
  api.close();
  expect(synced).toMatchObject({ ok: true });
  // The operator has written the object anew meanwhile.
  await kubernetes.kubectl(["apply", "--server-side", "-k", folder]);
  expect(await mcpctl("init", "--check")).toEqual({ code: 0, out: "" });
});

it("starts a gateway with the Deployment's arguments, which is ready with its ServiceAccount's rights", async () => {
  const config = await kubernetes.serviceAccount("mcp-gateway", "mcp-gateway");
  const denylist = { resource: "configmaps", namespace: "mcp-gateway", name: "mcp-gateway-denylist" } as const;
  await denylistMap(kubernetes.admin, denylist).create();
  const deployment = await kubernetes.admin.send<Deployment>({
    verb: "get",
    resource: "deployments",
    namespace: "mcp-gateway",
    name: "mcp-gateway",
  });
  const [container] = deployment.spec.template.spec.containers;
  await writeFile(join(folder, "session-secret"), `${"s".repeat(44)}\n`);
  const admin = await freePort(NODE_ADDRESS);
  const args = (container?.args ?? []).map((word) =>
    word
      .replace("0.0.0.0:8080", `${NODE_ADDRESS}:0`)
      .replace("0.0.0.0:8081", `${NODE_ADDRESS}:${admin}`)
      .replace("/run/session", folder),
  );
  const gateway = startChild(process.execPath, ["bin/mcpctl.js", ...args], { KUBECONFIG: config });
  try {
    const answer = await eventually(
      async () => {
        const ready = await fetch(`http://${NODE_ADDRESS}:${admin}/readyz`);
        return ready.status === 200 ? ready.json() : null;
      },
      () => `the gateway is not ready:\n${gateway.log()}`,
      20_000,
    );
    expect(answer).toEqual({ ready: true, reasons: [], problems: [] });
  } finally {
    await gateway.stop();
  }
});
