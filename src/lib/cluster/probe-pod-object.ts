import type { Metadata } from "./objects.ts";

/** Where the pod tries to connect. */
export interface ProbeAddress {
  readonly host: string;
  readonly port: number;
}

export interface PodRequest {
  readonly name: string;
  readonly namespace: string;
  readonly image: string;
  readonly addresses: readonly ProbeAddress[];
  /** After so many seconds the kubelet ends the pod, whoever is there to delete it. */
  readonly deadlineSeconds: number;
}

interface PodObject {
  readonly apiVersion: "v1";
  readonly kind: "Pod";
  readonly metadata: Metadata;
  readonly spec: unknown;
}

/** No mesh: its proxy in the pod would take every connection for the server's. */
export const PROBE_LABELS = {
  "app.kubernetes.io/managed-by": "mcpctl",
  "sidecar.istio.io/inject": "false",
  "istio.io/dataplane-mode": "none",
} as const;
/** What a connection may take, in seconds, and the pause before it is tried again. */
export const CONNECT_SECONDS = 3;
const PAUSE_SECONDS = 5;
/** Where the kubelet reads what a container leaves, 4,096 bytes at most (Kubernetes, "Determine the Reason for Pod Failure"). */
const LEFT_AT = "/dev/termination-log";
/** nobody of distroless images; any that is not root will do. */
const USER_ID = 65_532;

/**
 * Tries each HOST PORT three times, fifty at once, and leaves a line with the number of each that connected, `end` at last.
 * Three, because a plugin may open the way to a new pod only after some seconds. The API server is tried as well, as
 * `control`: a pod that reaches nothing proves nothing. Not every nc of busybox knows -z, but each can run a program.
 */
export const PROBE_SCRIPT = `
left=$1 seconds=$2 pause=$3
shift 3
case "$(nc --help 2>&1)" in *-z*) zero=-z ;; *) zero= ;; esac
connects() {
  if [ -n "$zero" ]; then set -- -z -w "$seconds" "$1" "$2"; else set -- -w "$seconds" "$1" "$2" -e true; fi
  timeout $((seconds + 2)) nc "$@" < /dev/null > /dev/null 2>&1
}
try() {
  grep -qx "$1" "$left" || ! connects "$2" "$3" || echo "$1" >> "$left"
}
round() {
  try control "$KUBERNETES_SERVICE_HOST" "$KUBERNETES_SERVICE_PORT" &
  number=0
  while [ $# -gt 1 ]; do
    try $number "$1" "$2" &
    number=$((number + 1))
    [ $((number % 50)) -ne 0 ] || wait
    shift 2
  done
  wait
}
round "$@"
sleep "$pause"
round "$@"
sleep "$pause"
round "$@"
echo end >> "$left"
`;

/** A pod that may run where Pod Security Standards are "restricted", and that no policy can take for the gateway's. */
export function probePodObject(request: PodRequest): PodObject {
  const { name, namespace, deadlineSeconds } = request;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels: PROBE_LABELS, annotations: { "linkerd.io/inject": "disabled" } },
    spec: {
      restartPolicy: "Never",
      activeDeadlineSeconds: deadlineSeconds,
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: USER_ID,
        runAsGroup: USER_ID,
        seccompProfile: { type: "RuntimeDefault" },
      },
      containers: [container(request)],
    },
  };
}

/** Addresses are arguments of their own: nothing that a cluster says becomes part of the script. */
function container({ image, addresses }: PodRequest): object {
  const targets = addresses.flatMap(({ host, port }) => [host, String(port)]);
  const resources = { cpu: "50m", memory: "64Mi" };
  return {
    name: "probe",
    image,
    command: ["sh", "-c", PROBE_SCRIPT, "probe", LEFT_AT, String(CONNECT_SECONDS), String(PAUSE_SECONDS), ...targets],
    terminationMessagePath: LEFT_AT,
    terminationMessagePolicy: "File",
    resources: { requests: resources, limits: resources },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
  };
}

/** How long the script takes at most, in seconds. */
export function scriptSeconds(addresses: number): number {
  const rounds = 3 * Math.ceil((addresses + 1) / 50) * (CONNECT_SECONDS + 2);
  return rounds + 2 * PAUSE_SECONDS + 5;
}
