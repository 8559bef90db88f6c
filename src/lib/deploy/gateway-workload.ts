import { gatewayLabels, namesOf, PORTS, type DeployOptions } from "./deployment.ts";
import type { Manifest } from "./manifest.ts";

/** Three gateways that follow the cluster's objects, behind one Service. */
export function gatewayWorkloadManifests(options: DeployOptions): readonly Manifest[] {
  return [deployment(options), service(options), disruptionBudget(options)];
}

/** nobody of distroless images; any that is not root will do. */
const USER_ID = 65_532;
const SESSION_FOLDER = "/run/session";

function deployment(options: DeployOptions): Manifest {
  const { name, namespace } = options;
  const names = namesOf(options);
  const labels = gatewayLabels(name);
  return {
    object: {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: names.gateway, namespace, labels },
      spec: {
        replicas: 3,
        selector: { matchLabels: labels },
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        template: {
          metadata: { labels },
          spec: {
            serviceAccountName: names.gateway,
            automountServiceAccountToken: true,
            enableServiceLinks: false,
            terminationGracePeriodSeconds: 30,
            securityContext: {
              runAsNonRoot: true,
              runAsUser: USER_ID,
              runAsGroup: USER_ID,
              fsGroup: USER_ID,
              seccompProfile: { type: "RuntimeDefault" },
            },
            topologySpreadConstraints: [
              {
                maxSkew: 1,
                topologyKey: "kubernetes.io/hostname",
                whenUnsatisfiable: "ScheduleAnyway",
                labelSelector: { matchLabels: labels },
              },
            ],
            containers: [container(options)],
            volumes: [{ name: "session", secret: { secretName: names.session, defaultMode: 0o440 } }],
          },
        },
      },
    },
    remarks: [
      [
        ["spec", "template", "spec", "terminationGracePeriodSeconds"],
        "5 s until nobody is sent here any more, 10 s for calls in flight, and time for the last audit records.",
      ],
      [
        ["spec", "template", "spec", "volumes"],
        `The secret that session ids are signed with, one for all replicas. It is written into no file here, since whoever
reads this repository could then sign sessions; make it once:
  openssl rand -base64 32 | kubectl create secret generic ${names.session} --namespace ${namespace} \\
    --from-file=session-secret=/dev/stdin
The mode is 0440.`,
      ],
    ],
  };
}

function container(options: DeployOptions): object {
  const probe = (path: string, periodSeconds: number, failureThreshold: number): object => ({
    httpGet: { path, port: "admin" },
    periodSeconds,
    failureThreshold,
  });
  return {
    name: "gateway",
    image: options.image,
    command: ["mcpctl"],
    args: gatewayArguments(options),
    ports: [
      { name: "mcp", containerPort: PORTS.mcp },
      { name: "admin", containerPort: PORTS.admin },
    ],
    startupProbe: probe("/healthz", 1, 60),
    livenessProbe: probe("/healthz", 10, 3),
    readinessProbe: probe("/readyz", 5, 2),
    lifecycle: { preStop: { sleep: { seconds: 5 } } },
    resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "512Mi" } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [{ name: "session", mountPath: SESSION_FOLDER, readOnly: true }],
  };
}

function gatewayArguments(options: DeployOptions): readonly string[] {
  const { namespace, url } = options;
  const names = namesOf(options);
  const hosts = new Set([...serviceHosts(options), new URL(url).hostname]);
  return [
    "gateway",
    "start",
    `--listen=0.0.0.0:${PORTS.mcp}`,
    `--admin=0.0.0.0:${PORTS.admin}`,
    `--keys=secret:${namespace}/${names.keys}`,
    `--locks=configmap:${namespace}/${names.denylist}`,
    `--roles=configmap:${namespace}/${names.roles}`,
    `--backends=configmap:${namespace}/${names.backends}`,
    `--session-secret=${SESSION_FOLDER}/session-secret`,
    ...[...hosts].map((host) => `--allow-host=${host}`),
  ];
}

/** The names of the Service that resolve in the cluster. */
function serviceHosts({ name, namespace }: DeployOptions): readonly string[] {
  return [name, `${name}.${namespace}`, `${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`];
}

function service({ name, namespace }: DeployOptions): Manifest {
  const labels = gatewayLabels(name);
  return {
    about:
      "Agents call the port mcp. The port admin is here so that replicas are found; network-policy.yaml guards it.",
    object: {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: namesOf({ name, namespace }).gateway, namespace, labels },
      spec: {
        selector: labels,
        ports: [
          { name: "mcp", port: PORTS.mcp, targetPort: "mcp" },
          { name: "admin", port: PORTS.admin, targetPort: "admin" },
        ],
      },
    },
  };
}

function disruptionBudget({ name, namespace }: DeployOptions): Manifest {
  const labels = gatewayLabels(name);
  return {
    object: {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: { name: namesOf({ name, namespace }).gateway, namespace, labels },
      spec: { minAvailable: 2, selector: { matchLabels: labels } },
    },
  };
}
