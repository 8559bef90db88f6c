import { namesOf, PORTS, type DeployOptions } from "./deployment.ts";
import type { ProjectFile } from "./deploy-files.ts";
import { manifestYaml } from "./manifest.ts";

/** A project whose keys lie in SSM and whose gateways run in a cluster. */
export interface ClusterProject extends DeployOptions {
  readonly account: string;
  /** Null for AWS's own key. */
  readonly kmsKey: string | null;
  readonly kubeContext: string;
  /** UID of the namespace kube-system; null where it is not known yet. */
  readonly cluster: string | null;
}

/** A project with the embedded store, on one machine. */
export interface FileProject {
  readonly name: string;
  readonly path: string;
}

/** No UID, so that every command refuses the configuration until it is replaced. */
export const CLUSTER_PLACEHOLDER = "REPLACE-with-the-UID-of-namespace-kube-system";

/** mcpctl.yaml, roles.yaml and backends.yaml of a project in a cluster. */
export function clusterProjectFiles(project: ClusterProject): readonly ProjectFile[] {
  const { name, namespace, path, region, account, kmsKey, kubeContext, cluster, url } = project;
  const names = namesOf(project);
  const context = {
    name,
    store: { type: "ssm", path, region, account, ...(kmsKey === null ? {} : { kmsKeyId: kmsKey }) },
    kubernetes: {
      context: kubeContext,
      cluster: cluster ?? CLUSTER_PLACEHOLDER,
      namespace,
      externalSecret: names.keys,
      secret: names.keys,
      denylist: names.denylist,
      gateway: { service: names.gateway, adminPort: PORTS.admin },
    },
    gateway: { url },
  };
  const at = (...rest: readonly string[]): readonly (string | number)[] => ["contexts", 0, ...rest];
  const show = "kubectl get namespace kube-system --output 'jsonpath={.metadata.uid}'";
  return [
    {
      path: "mcpctl.yaml",
      content: manifestYaml([
        {
          object: { ...policy(name), contexts: [context] },
          remarks: [
            [at("store", "account"), "Checked before every write, as the region is."],
            [
              at("kubernetes", "cluster"),
              cluster === null
                ? `Nothing works until the cluster is named:\n${show}`
                : "UID of its namespace kube-system, checked before every write.",
            ],
            [
              at("kubernetes", "denylist"),
              "A ConfigMap that `mcpctl lock init` makes; never let a GitOps tool render it.",
            ],
          ],
        },
      ]),
    },
    ...policyFiles(`http://mcp-eks-ro.${project.serversNamespace}.svc:8080`),
  ];
}

/** mcpctl.yaml, roles.yaml and backends.yaml of a project on one machine. */
export function fileProjectFiles({ name, path }: FileProject): readonly ProjectFile[] {
  const context = { name, store: { type: "file", path } };
  return [
    { path: "mcpctl.yaml", content: manifestYaml([{ object: { ...policy(name), contexts: [context] } }]) },
    ...policyFiles("http://127.0.0.1:9001"),
    {
      path: ".gitignore",
      content: `# The embedded store: keys, locks and the session secret of this machine.\n${storeFolder(path)}\n`,
    },
  ];
}

/** The folder of the embedded store as .gitignore names it; nothing of it belongs into a repository. */
export function storeFolder(path: string): string {
  return path.replace(/[^/]*$/, "");
}

function policy(currentContext: string): object {
  return {
    currentContext,
    policy: { roles: "roles.yaml", backends: "backends.yaml" },
    keys: { defaultTtl: "90d", maxTtl: "365d" },
  };
}

function policyFiles(url: string): readonly ProjectFile[] {
  const server = { service: "eks", environment: "stage", access: "ro", owner: "platform", url };
  return [
    {
      path: "roles.yaml",
      content: manifestYaml([
        {
          about: "Which role may reach which backends. Check it with: mcpctl roles check",
          object: { roleMapping: { "dev-readonly": ["eks-ro"] } },
        },
      ]),
    },
    {
      path: "backends.yaml",
      content: manifestYaml([
        {
          about: "One entry for each MCP server: its own pod, environment and access (ro or rw).",
          object: { backends: { "eks-ro": server } },
          remarks: [[["backends", "eks-ro", "url"], "The base: /mcp/eks-ro/mcp goes to <url>/mcp."]],
        },
      ]),
    },
  ];
}
