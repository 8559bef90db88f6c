import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startFaultProxy, type FaultProxy } from "../../support/fault-proxy.ts";
import { LAUNCHER, type Finished } from "../../support/launcher.ts";
import { MOTO_ACCOUNT, startMoto, TEST_CREDENTIALS, type MotoServer } from "../../support/moto.ts";
import { eventually, freePort, startChild, type Child } from "./children.ts";
import { startExternalSecrets } from "./external-secrets.ts";
import { installCrds, startKubernetes, type Kubernetes } from "./kubernetes.ts";
import {
  DENYLIST,
  endpointSlice,
  externalSecret,
  GATEWAY_RULES,
  KEYS,
  NAMESPACE,
  namespaceOf,
  PATH,
  ONCALL_RULES,
  pod,
  podStatus,
  rightsOf,
  rightsOfServiceAccount,
  secretStore,
  SERVICE,
  type Json,
} from "./manifests.ts";

/** Every gateway's admin listener: mcpctl.yaml knows one port for all. */
const ADDRESSES = ["10.77.0.3", "10.77.0.4", "10.77.0.5"];

/** One gateway, a process behind a Pod object. */
export interface GatewayPod extends Child {
  readonly name: string;
  readonly address: string;
  readonly url: string;
  readonly admin: string;
}

export interface StageOptions {
  readonly gateways?: number;
  /** Whether External Secrets runs from the start. */
  readonly externalSecrets?: boolean;
  /** What the backend `eks-ro` is; the examples' own address unless given. */
  readonly backendUrl?: string;
}

/**
 * The whole way of a key: SSM (moto behind a proxy for faults), External Secrets, an API server, and gateways that follow
 * it as their ServiceAccount. Commands run as the user `oncall`, with the least rights.
 */
export interface Stage {
  readonly kubernetes: Kubernetes;
  readonly moto: MotoServer;
  /** Between mcpctl and moto. */
  readonly ssm: FaultProxy;
  /** Between External Secrets and moto. */
  readonly operatorSsm: FaultProxy;
  readonly gateways: readonly GatewayPod[];
  readonly folder: string;
  externalSecrets(): Child;
  startExternalSecrets(): Promise<void>;
  /** Runs mcpctl to its end, as `oncall` unless told otherwise. */
  mcpctl(...args: readonly string[]): Promise<Finished>;
  mcpctlAs(user: string, ...args: readonly string[]): Promise<Finished>;
  /** Replaces the endpoints of the Service. */
  setEndpoints(
    pods: readonly { readonly pod: string; readonly address: string; readonly isTerminating?: boolean }[],
  ): Promise<void>;
  apply(...objects: readonly Json[]): Promise<string>;
  stop(): Promise<void>;
}

export async function startStage(options: StageOptions = {}): Promise<Stage> {
  const [kubernetes, moto] = await Promise.all([startKubernetes(["oncall", "nobody"]), startMoto()]);
  await installCrds(kubernetes);
  const [ssm, operatorSsm] = await Promise.all([startFaultProxy(moto.url), startFaultProxy(moto.url)]);
  const apply = (...objects: readonly Json[]): Promise<string> =>
    kubernetes.apply(objects.map((object) => JSON.stringify(object)).join("\n---\n"));
  const folder = await mkdtemp(join(tmpdir(), "mcpctl-stage-"));
  await apply(namespaceOf(NAMESPACE));
  const roles = await readFile("examples/roles.yaml", "utf8");
  const backends = await readBackends(options.backendUrl ?? null);
  await apply(
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "mcp-gateway", namespace: NAMESPACE } },
    configMap("mcp-gateway-roles", { "roles.yaml": roles }),
    configMap("mcp-gateway-backends", { "backends.yaml": backends }),
    ...secretStore(),
    ...rightsOf("oncall", ONCALL_RULES),
    ...rightsOf("nobody", []),
    ...rightsOfServiceAccount("mcp-gateway", GATEWAY_RULES),
  );
  let operator = options.externalSecrets === false ? null : await startExternalSecrets(kubernetes, operatorSsm.url);
  await apply(externalSecret());
  // Until its store is validated the operator fails, and `sync` says so.
  if (operator !== null)
    await kubernetes.kubectl([
      "wait",
      "--for=condition=Ready",
      "--timeout=60s",
      `--namespace=${NAMESPACE}`,
      "secretstore.external-secrets.io/mcp-gateway-ssm",
      `externalsecret.external-secrets.io/${KEYS}`,
    ]);
  const adminPort = await freePort(ADDRESSES[0]);
  await cp("examples/roles.yaml", join(folder, "roles.yaml"));
  await writeFile(join(folder, "backends.yaml"), backends);
  await writeFile(join(folder, "mcpctl.yaml"), configOf(kubernetes.uid, adminPort));
  await mkdir(join(folder, "tmp"));
  const mcpctlAs = async (user: string, ...args: readonly string[]): Promise<Finished> => {
    const env = {
      HOME: folder,
      TMPDIR: join(folder, "tmp"),
      KUBECONFIG: await kubernetes.kubeconfig(user),
      AWS_ENDPOINT_URL: ssm.url,
      AWS_ACCESS_KEY_ID: TEST_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: TEST_CREDENTIALS.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: "true",
    };
    return startChild(process.execPath, [LAUNCHER, ...args], env, folder).finished;
  };
  const mcpctl = (...args: readonly string[]): Promise<Finished> => mcpctlAs("oncall", ...args);
  await mcpctlAs("admin", "lock", "init");
  const config = await kubernetes.serviceAccount(NAMESPACE, "mcp-gateway");
  const gateways: GatewayPod[] = [];
  for (const [index, address] of ADDRESSES.slice(0, options.gateways ?? 3).entries())
    gateways.push(await startGatewayPod(kubernetes, { name: `mcp-gateway-${index}`, address, adminPort, config }));
  const setEndpoints: Stage["setEndpoints"] = async (pods) => void (await apply(endpointSlice(pods)));
  await setEndpoints(gateways.map(({ name, address }) => ({ pod: name, address })));
  return {
    kubernetes,
    moto,
    ssm,
    operatorSsm,
    gateways,
    folder,
    externalSecrets: () => operator as Child,
    startExternalSecrets: async () => {
      operator = await startExternalSecrets(kubernetes, operatorSsm.url);
    },
    mcpctl,
    mcpctlAs,
    setEndpoints,
    apply,
    stop: async () => {
      await Promise.all(gateways.map((gateway) => gateway.stop()));
      await operator?.stop();
      await kubernetes.stop();
      await Promise.all([ssm.close(), operatorSsm.close()]);
      await moto.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function readBackends(url: string | null): Promise<string> {
  const text = await readFile("examples/backends.yaml", "utf8");
  return url === null ? text : text.replace(/(eks-ro:[\s\S]*?url: )\S+/, `$1"${url}"`);
}

function configMap(name: string, data: Readonly<Record<string, string>>): Json {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: NAMESPACE }, data };
}

function configOf(uid: string, adminPort: number): string {
  const kubernetes = {
    context: "test",
    cluster: uid,
    namespace: NAMESPACE,
    externalSecret: KEYS,
    secret: KEYS,
    denylist: DENYLIST,
    gateway: { service: SERVICE, adminPort },
  };
  const store = { type: "ssm", path: PATH, region: "eu-central-1", account: MOTO_ACCOUNT };
  const elsewhere = { ...kubernetes, cluster: "00000000-0000-4000-8000-000000000000" };
  return JSON.stringify({
    currentContext: "test",
    contexts: [
      { name: "test", store, kubernetes },
      { name: "elsewhere", store, kubernetes: elsewhere },
    ],
  });
}

async function startGatewayPod(
  kubernetes: Kubernetes,
  { name, address, adminPort, config }: { name: string; address: string; adminPort: number; config: string },
): Promise<GatewayPod> {
  await kubernetes.apply(JSON.stringify(pod(name)));
  await kubernetes.kubectl([
    "patch",
    "pod",
    name,
    `--namespace=${NAMESPACE}`,
    "--subresource=status",
    "--type=merge",
    `--patch=${JSON.stringify(podStatus(address))}`,
  ]);
  const port = await freePort(address);
  const objects = (kind: string, object: string): string => `${kind}:${NAMESPACE}/${object}`;
  const args = [
    ["--listen", `${address}:${port}`],
    ["--admin", `${address}:${adminPort}`],
    ["--kube-context", "test"],
    ["--keys", objects("secret", KEYS)],
    ["--locks", objects("configmap", DENYLIST)],
    ["--roles", objects("configmap", "mcp-gateway-roles")],
    ["--backends", objects("configmap", "mcp-gateway-backends")],
    ["--audit", join(kubernetes.folder, `${name}.jsonl`)],
  ].flat();
  const child = startChild(process.execPath, [LAUNCHER, "gateway", "start", ...args], {
    KUBECONFIG: config,
    HOME: kubernetes.folder,
  });
  const admin = `http://${address}:${adminPort}`;
  await eventually(
    async () => ((await fetch(`${admin}/healthz`)).ok ? true : null),
    () => `gateway ${name} does not answer:\n${child.log()}`,
  );
  return { ...child, name, address, url: `http://${address}:${port}`, admin };
}
