import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { connect } from "../../../src/lib/cluster/connection.ts";
import { KubeApi } from "../../../src/lib/cluster/kube-api.ts";
import { eventually, freePort, startChild, type Child } from "./children.ts";

/** Where binaries/build.sh put kube-apiserver, etcd, kubectl, external-secrets and crds.yaml. */
export const ASSETS = process.env["MCPCTL_CLUSTER_ASSETS"] ?? "";

/** An address that the API server takes for a pod's: it refuses loopback ones. */
export const NODE_ADDRESS = "10.77.0.2";

const run = promisify(execFile);

/** A real API server on a real etcd, with users of its own. */
export interface Kubernetes {
  readonly folder: string;
  readonly url: string;
  /** UID of the kube-system namespace. */
  readonly uid: string;
  /** As `system:masters`. */
  readonly admin: KubeApi;
  /** A kubeconfig file of this user; its contexts are `test`, and `elsewhere` for a name that points to it too. */
  kubeconfig(user: string): Promise<string>;
  /** A kubeconfig file of a ServiceAccount, by a token that the API server issued. */
  serviceAccount(namespace: string, name: string): Promise<string>;
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Applies these manifests as they are written, refusing what the server does not know. */
  apply(manifests: string): Promise<string>;
  /** Ends the API server, as a restart of the control plane does; etcd stays. */
  stopApiServer(): Promise<void>;
  startApiServer(): Promise<void>;
  readonly apiServer: Pick<Child, "signal">;
  stop(): Promise<void>;
}

/** Users that tests act as, each a name and its token; `admin` may do everything. The flags are more for the API server. */
export async function startKubernetes(
  users: readonly string[] = [],
  flags: readonly string[] = [],
): Promise<Kubernetes> {
  const folder = await mkdtemp(join(tmpdir(), "mcpctl-kubernetes-"));
  const [etcdPort, peerPort, port] = await Promise.all([freePort(), freePort(), freePort(NODE_ADDRESS)]);
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const url = `https://${NODE_ADDRESS}:${port}`;
  const tokens = [
    `token-of-admin,admin,admin,system:masters`,
    ...users.map((user) => `token-of-${user},${user},${user}`),
  ];
  await writeFile(join(folder, "tokens.csv"), `${tokens.join("\n")}\n`);
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  await writeFile(join(folder, "sa.key"), privateKey.export({ type: "pkcs1", format: "pem" }), { mode: 0o600 });
  const etcd = startChild(join(ASSETS, "etcd"), [
    `--data-dir=${join(folder, "etcd")}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peerPort}`,
    `--initial-cluster=default=http://127.0.0.1:${peerPort}`,
    "--unsafe-no-fsync",
    "--log-level=warn",
  ]);
  const launch = (): Child =>
    startChild(join(ASSETS, "kube-apiserver"), [
      `--etcd-servers=${etcdUrl}`,
      `--cert-dir=${join(folder, "certificates")}`,
      `--secure-port=${port}`,
      `--bind-address=${NODE_ADDRESS}`,
      `--advertise-address=${NODE_ADDRESS}`,
      `--service-account-key-file=${join(folder, "sa.key")}`,
      `--service-account-signing-key-file=${join(folder, "sa.key")}`,
      "--service-account-issuer=https://kubernetes.default.svc",
      `--token-auth-file=${join(folder, "tokens.csv")}`,
      "--authorization-mode=RBAC",
      "--service-cluster-ip-range=10.96.0.0/16",
      // No controller makes ServiceAccounts here, and pods are made without one.
      "--disable-admission-plugins=ServiceAccount",
      ...flags,
    ]);
  let server = launch();
  const configs = new Map<string, Promise<string>>();
  const writeConfig = async (user: string, token: string): Promise<string> => {
    const path = join(folder, `kubeconfig-${user.replaceAll("/", "-")}`);
    const cluster = { server: url, "certificate-authority": join(folder, "certificates", "apiserver.crt") };
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "test", cluster }],
      users: [{ name: user, user: { token } }],
      contexts: ["test", "elsewhere"].map((name) => ({ name, context: { cluster: "test", user } })),
      "current-context": "test",
    };
    await writeFile(path, JSON.stringify(config), { mode: 0o600 });
    return path;
  };
  const kubeconfig = (user: string): Promise<string> => {
    const known = configs.get(user) ?? writeConfig(user, `token-of-${user}`);
    configs.set(user, known);
    return known;
  };
  const adminConfig = await kubeconfig("admin");
  const ready = (): Promise<string> =>
    eventually(
      async () =>
        (await run(join(ASSETS, "kubectl"), [`--kubeconfig=${adminConfig}`, "get", "--raw", "/readyz"])).stdout,
      () => `the API server is not ready:\n${server.log()}\n${etcd.log()}`,
    );
  await ready();
  const admin = new KubeApi(connect({ context: "test", env: { KUBECONFIG: adminConfig }, home: folder }), {
    patienceMs: 15_000,
  });
  const system = await eventually(
    () =>
      admin.send<{ metadata: { uid: string } }>({
        verb: "get",
        resource: "namespaces",
        namespace: null,
        name: "kube-system",
      }),
    () => "there is no namespace kube-system",
  );
  const kubectl = async (args: readonly string[], input = ""): Promise<string> => {
    const child = run(join(ASSETS, "kubectl"), [`--kubeconfig=${adminConfig}`, ...args], {
      maxBuffer: 64 * 1024 * 1024,
    });
    child.child.stdin?.end(input);
    return (await child).stdout;
  };
  return {
    folder,
    url,
    uid: system.metadata.uid,
    admin,
    kubeconfig,
    serviceAccount: async (namespace, name) =>
      writeConfig(
        `${namespace}/${name}`,
        (await kubectl(["create", "token", name, `--namespace=${namespace}`])).trim(),
      ),
    kubectl,
    apply: (manifests) =>
      kubectl(["apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", "-"], manifests),
    stopApiServer: () => server.stop(),
    startApiServer: async () => {
      server = launch();
      await ready();
    },
    get apiServer() {
      return server;
    },
    stop: async () => {
      admin.close();
      await server.stop();
      await etcd.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The CRDs of External Secrets, in force. */
export async function installCrds(kubernetes: Kubernetes): Promise<void> {
  await kubernetes.apply(await readFile(join(ASSETS, "crds.yaml"), "utf8"));
  await kubernetes.kubectl([
    "wait",
    "--for=condition=Established",
    "crd/externalsecrets.external-secrets.io",
    "crd/secretstores.external-secrets.io",
    "crd/clustersecretstores.external-secrets.io",
  ]);
}
