import { filledByController } from "../../support/aggregate-as-controller.ts";
import type { Kubernetes } from "./kubernetes.ts";
import { namespaceOf, type Json } from "./manifests.ts";
import { ACCOUNTS, accountObjects, SERVERS } from "./mcp-accounts.ts";
import { ownOf, NAMESPACES, NODE } from "./mcp-calls.ts";

/**
 * Kinds that other servers bring, of which the tools need no more than that the API server keeps their objects: metrics,
 * OpenShift, Tekton, KubeVirt. Those of the groups `subresources` have none; the API server authorises before it says so.
 */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  "metrics.k8s.io/v1beta1": ["NodeMetrics*nodes", "PodMetrics:pods"],
  "project.openshift.io/v1": ["Project*projects"],
  "route.openshift.io/v1": ["Route:routes"],
  "tekton.dev/v1": ["Pipeline:pipelines", "PipelineRun:pipelineruns", "Task:tasks", "TaskRun:taskruns"],
  "kubevirt.io/v1": [
    "VirtualMachine:virtualmachines",
    "VirtualMachineInstance:virtualmachineinstances",
    "VirtualMachineInstanceMigration:virtualmachineinstancemigrations",
  ],
  "subresources.kubevirt.io/v1": ["VirtualMachineInstance:virtualmachineinstances"],
  "subresources.template.kubevirt.io/v1beta1": ["VirtualMachineTemplate:virtualmachinetemplates"],
  "cdi.kubevirt.io/v1beta1": ["DataSource:datasources", "DataVolume:datavolumes"],
  "clone.kubevirt.io/v1beta1": ["VirtualMachineClone:virtualmachineclones"],
  "instancetype.kubevirt.io/v1beta1": [
    "VirtualMachineClusterPreference*virtualmachineclusterpreferences",
    "VirtualMachinePreference:virtualmachinepreferences",
    "VirtualMachineClusterInstancetype*virtualmachineclusterinstancetypes",
    "VirtualMachineInstancetype:virtualmachineinstancetypes",
  ],
};

/** Makes whatever the calls are about, and the accounts that make them. */
export async function makeObjects(kubernetes: Kubernetes): Promise<void> {
  const apply = (objects: readonly Json[]): Promise<string> =>
    kubernetes.apply(objects.map((object) => JSON.stringify(object)).join("\n---\n"));
  await apply(definitions());
  await kubernetes.kubectl(["wait", "--for=condition=Established", "crd", "--all"]);
  await apply([...NAMESPACES, SERVERS].map(namespaceOf));
  await apply([
    { apiVersion: "v1", kind: "Node", metadata: { name: NODE } },
    { apiVersion: "metrics.k8s.io/v1beta1", kind: "NodeMetrics", metadata: { name: NODE } },
    ...[...NAMESPACES, "default"].flatMap(objectsWithin),
    ...accountObjects(),
  ]);
  await fillAggregatedRoles(kubernetes);
}

function objectsWithin(namespace: string): readonly Json[] {
  const object = (apiVersion: string, kind: string, more: Json = {}, name = "web"): Json => {
    return { apiVersion, kind, metadata: { name, namespace, labels: { "tekton.dev/pipelineRun": "web" } }, ...more };
  };
  return [
    ...["web", ...Object.keys(ACCOUNTS).map(ownOf)].flatMap((name) => [
      object("v1", "ConfigMap", {}, name),
      object("v1", "Pod", { spec: { containers: CONTAINERS } }, name),
      object("apps/v1", "Deployment", { spec: deploymentSpec(name) }, name),
      object("kubevirt.io/v1", "VirtualMachine", { spec: { runStrategy: "Halted" } }, name),
    ]),
    object("v1", "Secret"),
    object("metrics.k8s.io/v1beta1", "PodMetrics"),
    object("tekton.dev/v1", "Pipeline"),
    object("tekton.dev/v1", "PipelineRun", { spec: { pipelineRef: { name: "web" } } }),
    object("tekton.dev/v1", "Task"),
    object("tekton.dev/v1", "TaskRun", { spec: { taskRef: { name: "web" } }, status: TASK_STATUS }),
    object("kubevirt.io/v1", "VirtualMachineInstance", { status: { phase: "Running" } }),
  ];
}

const CONTAINERS = [{ name: "web", image: "web" }];
const TASK_STATUS = { podName: "web", steps: [{ name: "web", container: "web" }] };

function deploymentSpec(app: string): Json {
  const template = { metadata: { labels: { app } }, spec: { containers: CONTAINERS } };
  return { selector: { matchLabels: { app } }, template };
}

function definitions(): readonly Json[] {
  return Object.entries(KINDS).flatMap(([apiVersion, words]) => words.map((word) => definition(apiVersion, word)));
}

function definition(apiVersion: string, word: string): Json {
  const [group = "", version = ""] = apiVersion.split("/");
  const [kind = "", plural = ""] = word.split(/[:*]/);
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}`, annotations: { "api-approved.kubernetes.io": "unapproved, for tests" } },
    spec: {
      group,
      names: { kind, plural, singular: kind.toLowerCase() },
      scope: word.includes(":") ? "Namespaced" : "Cluster",
      versions: [{ name: version, served: true, storage: true, schema }],
    },
  };
}

/** As the controller manager does, which is not here. */
async function fillAggregatedRoles(kubernetes: Kubernetes): Promise<void> {
  const printed = await kubernetes.kubectl(["get", "clusterroles", "--output=json"]);
  const { items } = JSON.parse(printed) as { readonly items: readonly Json[] };
  const filled = filledByController(items).filter((role) => "aggregationRule" in (role as Json));
  await kubernetes.kubectl(["replace", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items: filled }));
}
