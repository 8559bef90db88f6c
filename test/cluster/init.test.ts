import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../src/cli.ts";
import { connect } from "../../src/lib/cluster/connection.ts";
import { KubeApi } from "../../src/lib/cluster/kube-api.ts";
import { AppError } from "../../src/lib/errors.ts";
import { PROJECT } from "../lib/deploy/options.ts";
import { memoryIo } from "../support/memory-io.ts";
import { eventually } from "./support/children.ts";
import { ASSETS, installCrds, startKubernetes, type Kubernetes } from "./support/kubernetes.ts";

const GATEWAY = "mcp-gateway";
const SECRET = { resource: "externalsecrets", namespace: GATEWAY, name: "mcp-gateway-keys" } as const;

let kubernetes: Kubernetes;
let folder: string;
let applied: string;
/** What is left to do, as it was told. */
let steps: string;
beforeAll(async () => {
  kubernetes = await startKubernetes(["oncall", "stranger"]);
  await installCrds(kubernetes);
  folder = await mkdtemp(join(tmpdir(), "mcpctl-init-"));
  for (const namespace of [GATEWAY, "mcp-servers"]) await kubernetes.kubectl(["create", "namespace", namespace]);
  steps = (await mcpctl("admin", "init", ...FLAGS)).err;
  applied = await kubernetes.kubectl(["apply", "--server-side", "--validate=strict", "-k", folder]);
  // The API server knows this user without groups.
  const cluster = { clusterrole: "mcp-gateway-cluster-identity.mcp-gateway", name: "oncall" };
  await kubernetes.kubectl([
    "create",
    "clusterrolebinding",
    cluster.name,
    `--clusterrole=${cluster.clusterrole}`,
    "--user=oncall",
  ]);
  await kubernetes.kubectl([
    "create",
    "rolebinding",
    "oncall",
    "--role=mcp-gateway-oncall",
    "--user=oncall",
    "-n",
    GATEWAY,
  ]);
  await inForce();
});
afterAll(async () => {
  await kubernetes.stop();
  await rm(folder, { recursive: true });
});

const FLAGS = [
  ["--region", "eu-central-1"],
  ["--account", "111122223333"],
  ["--kube-context", "test"],
  ["--image", PROJECT.image],
  ["--url", PROJECT.url],
  ["--api-server-cidr", "10.0.0.0/16"],
].flat();

async function mcpctl(user: string, ...argv: readonly string[]) {
  const memory = memoryIo({ cwd: folder, env: { KUBECONFIG: await kubernetes.kubeconfig(user) } });
  const code = await run(argv, memory.io);
  return { code, out: memory.out(), err: memory.err() };
}

async function as(user: string): Promise<KubeApi> {
  return new KubeApi(
    connect({ context: "test", env: { KUBECONFIG: await kubernetes.kubeconfig(user) }, home: folder }),
    { patienceMs: 5_000 },
  );
}

/** The policy takes some seconds: until then this patch is let through. */
async function inForce(): Promise<void> {
  const api = await as("oncall");
  let seconds = 60;
  await eventually(
    // Another value each time: a patch that changes nothing is always taken.
    async () => ((await refusal(api, { spec: { refreshInterval: `${(seconds += 1)}s` } })) === null ? null : true),
    () => "the admission policy never came into force",
  );
  await kubernetes.admin.send({ verb: "patch", ...SECRET, body: { spec: { refreshInterval: "1m0s" } } });
  api.close();
}

/** What the API server says against this patch of the ExternalSecret; null where it takes it. */
async function refusal(api: KubeApi, body: object): Promise<string | null> {
  try {
    await api.send({ verb: "patch", ...SECRET, body });
    return null;
  } catch (error) {
    if (error instanceof AppError) return error.message;
    throw error;
  }
}

describe("what init writes", () => {
  it("passes the API server's strict validation, whole", () => {
    const objects = applied.trim().split("\n");
    expect(objects.toSorted()).toEqual(
      [
        "clusterrole.rbac.authorization.k8s.io/mcp-gateway-cluster-identity.mcp-gateway",
        "clusterrolebinding.rbac.authorization.k8s.io/mcp-gateway-cluster-identity.mcp-gateway",
        "configmap/mcp-gateway-backends",
        "configmap/mcp-gateway-roles",
        "deployment.apps/mcp-gateway",
        "externalsecret.external-secrets.io/mcp-gateway-keys",
        "networkpolicy.networking.k8s.io/mcp-gateway",
        "networkpolicy.networking.k8s.io/mcp-gateway-servers",
        "poddisruptionbudget.policy/mcp-gateway",
        "role.rbac.authorization.k8s.io/mcp-gateway",
        "role.rbac.authorization.k8s.io/mcp-gateway-oncall",
        "rolebinding.rbac.authorization.k8s.io/mcp-gateway",
        "rolebinding.rbac.authorization.k8s.io/mcp-gateway-oncall",
        "secretstore.external-secrets.io/mcp-gateway-ssm",
        "service/mcp-gateway",
        "serviceaccount/mcp-gateway",
        "serviceaccount/mcp-gateway-keys-reader",
        "validatingadmissionpolicy.admissionregistration.k8s.io/mcp-gateway-force-sync-only.mcp-gateway",
        "validatingadmissionpolicybinding.admissionregistration.k8s.io/mcp-gateway-force-sync-only.mcp-gateway",
      ].map((name) => `${name} serverside-applied`),
    );
  });

  it("has no expression in the admission policy that the API server warns of", async () => {
    const policy = await kubernetes.admin.send<{ status?: { typeChecking?: object } }>({
      verb: "get",
      resource: "validatingadmissionpolicies",
      namespace: null,
      name: "mcp-gateway-force-sync-only.mcp-gateway",
    });
    expect(policy.status?.typeChecking ?? {}).toEqual({});
  });

  it("pins the cluster that the kubeconfig's context leads to", async () => {
    expect(await readFile(join(folder, "mcpctl.yaml"), "utf8")).toContain(`cluster: ${kubernetes.uid}\n`);
  });

  it("gives the on-call Role to the group, and nobody else", async () => {
    const canI = (...who: readonly string[]): Promise<string> =>
      kubernetes
        .kubectl(["auth", "can-i", "patch", "externalsecrets/mcp-gateway-keys", "-n", GATEWAY, "--as=bob", ...who])
        .catch((error: { stdout: string }) => error.stdout);
    expect(await canI("--as-group=mcp-gateway-oncall")).toBe("yes\n");
    expect(await canI("--as-group=others")).toBe("no\n");
  });

  it("tells a command that makes the session secret without showing it", async () => {
    const command = /^ .*(openssl rand .*)$/m.exec(steps)?.[1] ?? "";
    const env = { PATH: `${ASSETS}:${process.env["PATH"]}`, KUBECONFIG: await kubernetes.kubeconfig("admin") };
    const { stdout } = await promisify(execFile)("sh", ["-c", command], { env });
    expect(stdout).toBe("secret/mcp-gateway-session created\n");
    const secret = { resource: "secrets", namespace: GATEWAY, name: "mcp-gateway-session" } as const;
    const { data } = await kubernetes.admin.send<{ data: Record<string, string> }>({ verb: "get", ...secret });
    expect(Object.keys(data)).toEqual(["session-secret"]);
    expect(Buffer.from(data["session-secret"] ?? "", "base64").toString()).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
  });
});

describe("the gateway's ServiceAccount", () => {
  it("may follow its Secret and its three ConfigMaps by name, and nothing else", async () => {
    const config = await kubernetes.serviceAccount(GATEWAY, "mcp-gateway");
    const review = {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectRulesReview",
      spec: { namespace: GATEWAY },
    };
    const answer = await kubernetes.kubectl(
      [`--kubeconfig=${config}`, "create", "--validate=false", "-o", "json", "-f", "-"],
      JSON.stringify(review),
    );
    const { status } = JSON.parse(answer) as { status: { resourceRules: readonly { apiGroups: readonly string[] }[] } };
    // Everybody may ask who he is and what he may.
    const own = status.resourceRules.filter(({ apiGroups }) => !apiGroups.join().startsWith("auth"));
    const verbs = ["get", "list", "watch"];
    const names = ["mcp-gateway-denylist", "mcp-gateway-roles", "mcp-gateway-backends"];
    expect(own).toEqual([
      { verbs, apiGroups: [""], resources: ["secrets"], resourceNames: ["mcp-gateway-keys"] },
      { verbs, apiGroups: [""], resources: ["configmaps"], resourceNames: names },
    ]);
  });

  it("lists its Secret by name, and not all of them", async () => {
    const config = await kubernetes.serviceAccount(GATEWAY, "mcp-gateway");
    const api = new KubeApi(connect({ context: "test", env: { KUBECONFIG: config }, home: folder }));
    const list = { verb: "list", resource: "secrets", namespace: GATEWAY, name: null } as const;
    const query = { fieldSelector: "metadata.name=mcp-gateway-keys" };
    expect(await api.send<object>({ ...list, query })).toMatchObject({ kind: "SecretList", items: [] });
    await expect(api.send(list)).rejects.toMatchObject({ code: "kube_forbidden" });
    api.close();
  });
});

describe("whoever syncs", () => {
  const annotate = (annotations: object | null): object => ({ metadata: { annotations } });
  const REFUSED = "only the force-sync annotation may be changed: ";
  let oncall: KubeApi;
  beforeAll(async () => {
    oncall = await as("oncall");
  });
  afterAll(() => oncall.close());

  it("may set, change and remove the force-sync annotation, where there are others and where there are none", async () => {
    for (const others of [null, { team: "platform" }]) {
      expect(await refusal(kubernetes.admin, annotate(others))).toBe(null);
      for (const value of ["1", "2", null]) expect(await refusal(oncall, annotate({ "force-sync": value }))).toBe(null);
    }
  });

  it.each([
    ["template", { spec: { target: { template: { data: { "keys.json": "{}" } } } } }, "spec is another"],
    ["store", { spec: { secretStoreRef: { name: "other" } } }, "spec is another"],
    ["search", { spec: { dataFrom: [] } }, "spec is another"],
    ["another annotation", annotate({ "force-sync": "3", other: "x" }), "annotations are others"],
    ["an annotation's value", annotate({ team: "x" }), "annotations are others"],
    ["an annotation less", annotate({ team: null }), "annotations are others"],
    ["no annotations at all", annotate(null), "annotations are others"],
    ["a label", { metadata: { labels: { x: "y" } } }, "labels are others"],
    ["no labels", { metadata: { labels: null } }, "labels are others"],
    ["a finalizer", { metadata: { finalizers: ["example.com/stay"] } }, "finalizers are others"],
    [
      "an owner",
      { metadata: { ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "y" }] } },
      "ownerReferences are others",
    ],
  ])("may not change what else is there: %s", async (_what, body, problem) => {
    await refusal(kubernetes.admin, annotate({ team: "platform" }));
    expect(await refusal(oncall, body)).toContain(REFUSED + problem);
  });

  it("is not held up where he may update, as an administrator may", async () => {
    const labels = { x: "y" };
    expect(await refusal(kubernetes.admin, { metadata: { labels, annotations: { other: "x" } } })).toBe(null);
    expect(await refusal(kubernetes.admin, { metadata: { labels: { x: null }, annotations: { other: null } } })).toBe(
      null,
    );
  });
});

describe("init --check", () => {
  const check = (user: string, ...more: readonly string[]) => mcpctl(user, "init", "--check", ...more);
  const told = (numbers: string): string =>
    `Compared 19 objects with cluster ${kubernetes.uid} at ${new URL(kubernetes.url).host}: ${numbers}.\n`;

  it("finds nothing where all is as written: exit 0", async () => {
    expect(await check("admin")).toEqual({
      code: 0,
      out: "",
      err: told("19 as written, 0 different, 0 missing, 0 not read"),
    });
  });

  it("tells what was changed and what is gone: exit 1", async () => {
    const deployment = { resource: "deployments", namespace: GATEWAY, name: "mcp-gateway" } as const;
    const policy = { resource: "networkpolicies", namespace: GATEWAY, name: "mcp-gateway" } as const;
    await kubernetes.admin.send({ verb: "patch", ...deployment, body: { spec: { replicas: 1 } } });
    await kubernetes.admin.send({ verb: "delete", ...policy });
    expect(await check("admin")).toEqual({
      code: 1,
      out: `Deployment mcp-gateway/mcp-gateway: spec.replicas: wanted 3, found 1
NetworkPolicy mcp-gateway/mcp-gateway: missing: get networkpolicies.networking.k8s.io "mcp-gateway" in namespace mcp-gateway found no such object
`,
      err: told("17 as written, 1 different, 1 missing, 0 not read"),
    });
    await kubernetes.kubectl(["apply", "--server-side", "--force-conflicts", "-k", folder]);
    expect((await check("admin")).code).toBe(0);
  });

  it("heeds the user's own edits of the files: exit 1 until they are applied", async () => {
    await writeFile(join(folder, "roles.yaml"), "roleMapping: {}\n");
    const { code, out } = await check("admin");
    expect([code, out]).toEqual([
      1,
      expect.stringMatching(
        /^ConfigMap mcp-gateway\/mcp-gateway-roles: data\["roles.yaml"\]: wanted "roleMapping: \{\}\\n", found "# Which/,
      ),
    ]);
    await kubernetes.kubectl(["apply", "--server-side", "-k", folder]);
    expect((await check("admin")).code).toBe(0);
  });

  it("names the rights that are missing, and compares the others: exit 7", async () => {
    const { code, out, err } = await check("oncall");
    expect(code).toBe(7);
    expect(out.split("\n")).toContain(
      'Deployment mcp-gateway/mcp-gateway: unread: get deployments.apps "mcp-gateway" in namespace mcp-gateway was refused: the ' +
        'Kubernetes identity in use lacks that right (it says: deployments.apps "mcp-gateway" is forbidden: User "oncall" cannot ' +
        'get resource "deployments" in API group "apps" in the namespace "mcp-gateway")',
    );
    expect(err).toBe(told("2 as written, 0 different, 0 missing, 17 not read"));
  });

  it("compares nothing where the cluster may not be asked who it is, or is another: exit 4 and 3", async () => {
    expect((await check("stranger")).code).toBe(4);
    const config = await readFile(join(folder, "mcpctl.yaml"), "utf8");
    const other = join(folder, "other.yaml");
    await writeFile(other, config.replace(kubernetes.uid, "00000000-0000-0000-0000-000000000000"));
    expect(await mcpctl("admin", "--config", other, "init", "--check")).toMatchObject({ code: 3, out: "" });
  });
});
