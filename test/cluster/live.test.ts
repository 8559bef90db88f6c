import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { until } from "../support/gateway.ts";
import { makeProject, type Project, type RunResult } from "../support/run-cli.ts";
import { startKubernetes, type Kubernetes } from "./support/kubernetes.ts";

/** Tools of the example's registry, and whether Kubernetes lets the backend do it. */
const CALLS = [
  [["eks-ro", "eks_get_pods", "--arg", "namespace=stage"], 0],
  [["eks-ro", "eks_get_pod_logs", "--arg", "namespace=stage", "--arg", "pod=web"], 0],
  [["eks-ro", "eks_delete_pod", "--arg", "namespace=stage", "--arg", "name=web"], 1],
  [["aws-ro", "aws_terminate_instance"], 7],
] as const;

let kubernetes: Kubernetes;
let project: Project;
beforeAll(async () => {
  kubernetes = await startKubernetes(["nobody"]);
  for (const name of ["mcp-servers", "mcp-gateway", "stage"]) await kubernetes.kubectl(["create", "namespace", name]);
  for (const name of ["rbac", "network"])
    await kubernetes.apply(await readFile(`examples/manifests/${name}.yaml`, "utf8"));
  project = await makeProject();
  await configure("");
  await kubernetes.kubectl([
    "create",
    "configmap",
    "locks",
    "--namespace=mcp-gateway",
    '--from-literal=denylist.json={"locks":[]}',
  ]);
}, 90_000);
afterAll(async () => {
  await project.remove();
  await kubernetes.stop();
});

const configure = (policy: string): Promise<void> =>
  writeFile(
    join(project.cwd, "mcpctl.yaml"),
    `policy: { ${policy} }
contexts:
  - name: prod
    store: { type: ssm, path: /k, region: eu-central-1, account: "111122223333" }
    kubernetes: { context: test, cluster: ${kubernetes.uid}, namespace: mcp-gateway, denylist: locks }
`,
  );
const run = async (argv: readonly string[], user = "admin"): Promise<RunResult> =>
  project.run(argv, { env: { KUBECONFIG: await kubernetes.kubeconfig(user) } });
const can = (call: readonly string[], ...more: readonly string[]): Promise<RunResult> =>
  run(["can", "dev-readonly", ...call, ...more]);

it("answers live, and the same from a snapshot", async () => {
  // The API server heeds a binding once its own watch has told it.
  await until(
    () => can(CALLS[0][0], "--live", "kubernetes"),
    ({ code }) => code === 0,
  );
  for (const [call, code] of CALLS)
    expect([call, (await can(call, "--live", "kubernetes")).code]).toEqual([call, code]);
  expect((await run(["snapshot", "kubernetes"])).code).toBe(0);
  await configure("manifests: [snapshot]");
  for (const [call, code] of CALLS) expect([call, (await can(call)).code]).toEqual([call, code]);
}, 60_000);

it("finds what was promised otherwise, live and from a snapshot", async () => {
  const codes = async (...more: readonly string[]): Promise<readonly string[]> => {
    const { out } = await run(["verify", "-o", "json", ...more]);
    const { findings } = JSON.parse(out) as { findings: { code: string; message: string }[] };
    return findings.map(({ code, message }) => `${code} ${message}`).toSorted();
  };
  await kubernetes.kubectl([
    "create",
    "clusterrolebinding",
    "all",
    "--clusterrole=cluster-admin",
    "--serviceaccount=mcp-servers:mcp-eks-ro",
  ]);
  const live = await codes("--live", "kubernetes");
  expect(live.map((each) => each.slice(0, 5))).toEqual(expect.arrayContaining(["MC605", "MC607"]));
  await run(["snapshot", "kubernetes"]);
  expect(await codes()).toEqual(live);
  await kubernetes.kubectl(["delete", "clusterrolebinding", "all"]);
}, 60_000);

it("is no answer for whom the API server tells nothing", async () => {
  const { code, out } = await run(["can", "dev-readonly", "eks-ro", "--live", "kubernetes"], "nobody");
  expect([code, out]).toEqual([4, ""]);
  expect((await run(["snapshot", "kubernetes"], "nobody")).code).toBe(4);
}, 60_000);
