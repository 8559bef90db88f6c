/** A call of a tool, whose objects are there for this one alone where it destroys some. */
export interface ToolCall {
  readonly tool: string;
  readonly args: Readonly<Record<string, unknown>>;
}

export const NAMESPACES = ["stage", "prod"] as const;
export const NODE = "node-1";

/** The name of objects that the calls of this account alone change and destroy. */
export function ownOf(account: string): string {
  return `own-${account}`;
}

/** Every tool, called in each namespace, and without one where it may be left out. */
export function callsOf(account: string, chart: string): readonly ToolCall[] {
  return [
    ...NAMESPACES.flatMap((namespace) => [
      ...readingCalls({ namespace }),
      ...writingCalls({ namespace }, account, chart),
    ]),
    // A namespace that is left out is for the server to choose, and one that is empty is taken for left out.
    ...readingCalls({}),
    { tool: "events_list", args: { namespace: "" } },
    { tool: "pods_get", args: { name: "web", namespace: "" } },
    { tool: "resources_list", args: { apiVersion: "apps/v1", kind: "Deployment", namespace: "" } },
    ...clusterCalls(),
  ];
}

type Place = { readonly namespace?: string };

function readingCalls(place: Place): readonly ToolCall[] {
  const web = { name: "web", ...place };
  const calls: readonly ToolCall[] = [
    { tool: "events_list", args: place },
    { tool: "helm_list", args: place },
    { tool: "pods_get", args: web },
    { tool: "pods_log", args: web },
    { tool: "pods_top", args: { all_namespaces: false, ...place } },
    { tool: "pods_top", args: web },
    { tool: "resources_get", args: { apiVersion: "v1", kind: "ConfigMap", ...web } },
    { tool: "resources_get", args: { apiVersion: "v1", kind: "Secret", ...web } },
    { tool: "resources_list", args: { apiVersion: "apps/v1", kind: "Deployment", ...place } },
    { tool: "resources_list", args: { apiVersion: "v1", kind: "Secret", ...place } },
    { tool: "resources_scale", args: { apiVersion: "apps/v1", kind: "Deployment", ...web } },
    { tool: "tekton_pipelinerun_logs", args: web },
    { tool: "tekton_taskrun_logs", args: web },
  ];
  const named: readonly ToolCall[] = [
    { tool: "pods_list_in_namespace", args: place },
    { tool: "vm_guest_info", args: web },
    { tool: "vm_troubleshoot", args: web },
  ];
  return place.namespace === undefined ? calls : [...calls, ...named];
}

function writingCalls(place: Place, account: string, chart: string): readonly ToolCall[] {
  const web = { name: "web", ...place };
  const own = { name: ownOf(account), ...place };
  const manifest = { apiVersion: "v1", kind: "ConfigMap", metadata: { ...place, name: `made-${account}` } };
  return [
    { tool: "helm_install", args: { ...own, chart } },
    { tool: "helm_uninstall", args: own },
    { tool: "pods_exec", args: { ...web, command: ["true"] } },
    { tool: "pods_run", args: { ...place, name: `run-${account}`, image: "web" } },
    { tool: "pods_run", args: { ...place, name: `serve-${account}`, image: "web", port: 80 } },
    { tool: "pods_delete", args: { ...place, name: `serve-${account}` } },
    { tool: "pods_delete", args: own },
    { tool: "resources_create_or_update", args: { resource: JSON.stringify(manifest) } },
    { tool: "resources_scale", args: { apiVersion: "apps/v1", kind: "Deployment", ...own, scale: 2 } },
    { tool: "resources_delete", args: { apiVersion: "v1", kind: "ConfigMap", ...own } },
    { tool: "resources_delete", args: { apiVersion: "apps/v1", kind: "Deployment", ...own } },
    { tool: "tekton_pipeline_start", args: web },
    { tool: "tekton_pipelinerun_lifecycle", args: { ...web, action: "cancel" } },
    { tool: "tekton_pipelinerun_lifecycle", args: { ...web, action: "restart" } },
    { tool: "tekton_task_start", args: web },
    { tool: "tekton_taskrun_restart", args: web },
    { tool: "vm_clone", args: { ...web, targetName: `clone-${account}` } },
    { tool: "vm_create", args: { ...place, name: `made-${account}` } },
    { tool: "vm_create_from_template", args: { ...place, template_name: "web" } },
    { tool: "vm_lifecycle", args: { ...own, action: "start" } },
    { tool: "vm_lifecycle", args: { ...web, action: "pause" } },
  ];
}

function clusterCalls(): readonly ToolCall[] {
  return [
    { tool: "configuration_view", args: { minified: true } },
    { tool: "helm_list", args: { all_namespaces: true } },
    { tool: "namespaces_list", args: {} },
    { tool: "nodes_log", args: { name: NODE, query: "kubelet" } },
    { tool: "nodes_stats_summary", args: { name: NODE } },
    { tool: "nodes_top", args: {} },
    { tool: "nodes_top", args: { name: NODE } },
    { tool: "pods_list", args: {} },
    { tool: "pods_top", args: { all_namespaces: true } },
    { tool: "projects_list", args: {} },
    { tool: "resources_get", args: { apiVersion: "v1", kind: "Namespace", name: "stage" } },
    { tool: "resources_get", args: { apiVersion: "v1", kind: "Node", name: NODE } },
    { tool: "resources_list", args: { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole" } },
  ];
}
