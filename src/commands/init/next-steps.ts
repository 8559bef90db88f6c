import { CIDR_PLACEHOLDER, namesOf } from "../../lib/deploy/deployment.ts";
import type { ClusterProject } from "../../lib/deploy/project-files.ts";

/** What is left to do after the files of an embedded store were written; `unignored` is its folder where git may take it. */
export function fileSteps(unignored: string | null): readonly string[] {
  return numbered([
    ...(unignored === null ? [] : [`See that .gitignore names ${unignored}: the session secret lies there.`]),
    "Name your MCP servers in backends.yaml and who may reach them in roles.yaml: mcpctl roles check",
    "Make a key: mcpctl keys create --role dev-readonly --user incident-agent-01",
    "Start the gateway: mcpctl gateway start",
  ]);
}

/** What is left to do before gateways run in the cluster. */
export function clusterSteps(project: ClusterProject, dir: string): readonly string[] {
  const { namespace, serversNamespace, kubeContext, iamRoleArn, cluster, apiServerCidrs, oncallGroup } = project;
  const names = namesOf(project);
  const kubectl = `kubectl --context ${quoted(kubeContext)}`;
  const session = `${kubectl} create secret generic ${names.session} --namespace ${namespace}`;
  return numbered([
    ...(cluster === null ? ["Put the cluster's UID into mcpctl.yaml; until then every command refuses it."] : []),
    ...(apiServerCidrs.includes(CIDR_PLACEHOLDER)
      ? ["Put the API server's addresses into deploy/network-policy.yaml; until then no replica can be asked."]
      : []),
    "Name your MCP servers in backends.yaml and who may reach them in roles.yaml: mcpctl roles check",
    `Make IAM role ${iamRoleArn}: trusted by ServiceAccount ${namespace}:${names.keysReader}, with: mcpctl iam-policy external-secrets`,
    `Make the namespaces: ${kubectl} create namespace ${namespace}; ${kubectl} create namespace ${serversNamespace}`,
    `Make the secret of session ids, which no file holds: openssl rand -base64 32 | ${session} --from-file=session-secret=/dev/stdin`,
    `Apply: ${kubectl} apply --server-side -k ${quoted(dir)}`,
    "Make the denylist, without which gateways refuse every call: mcpctl lock init",
    `See that all of it is there: mcpctl init --check; who is on call belongs to group ${oncallGroup}`,
  ]);
}

function numbered(steps: readonly string[]): readonly string[] {
  return ["Next:", ...steps.map((step, index) => `  ${index + 1}. ${step}`)];
}

/** As one word of a POSIX shell. */
function quoted(word: string): string {
  return /^[A-Za-z0-9@%+=:,./_-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
