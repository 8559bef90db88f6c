import type { KubeObject } from "./objects.ts";

/** https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.35/#podstatus-v1-core */
export interface PodState extends KubeObject {
  readonly spec?: { readonly containers?: readonly unknown[]; readonly initContainers?: readonly unknown[] };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly (Said & { readonly type?: string; readonly status?: string })[];
    readonly containerStatuses?: readonly { readonly state?: ContainerState }[];
  };
}

interface Said {
  readonly reason?: string;
  readonly message?: string;
}

interface ContainerState {
  readonly waiting?: Said;
  readonly running?: unknown;
  readonly terminated?: Said & { readonly exitCode?: number };
}

/** What the pod found out. */
export interface ProbeResult {
  /** Whether it could connect to the API server, so to anything at all. */
  readonly hasControl: boolean;
  /** By their places among the addresses. */
  readonly connected: ReadonlySet<number>;
  /** Whether all were tried. */
  readonly isComplete: boolean;
}

const MAX_SAID = 200;
/** Nothing that time would mend. */
const HOPELESS = new Set(["InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"]);

/** What the pod left when it ended; null while it runs, or has not begun to. */
export function resultOf({ status }: PodState): ProbeResult | { readonly undecided: string } | null {
  const [{ state } = {}] = status?.containerStatuses ?? [];
  if (state?.terminated !== undefined) return readResult(state.terminated);
  if (status?.phase === "Failed" || status?.phase === "Succeeded")
    return { undecided: `the pod must run; it ended (${said(status)})` };
  if (HOPELESS.has(state?.waiting?.reason ?? "")) return { undecided: whyWaiting({ status: status ?? {} }) };
  return null;
}

/** What keeps the pod from running, for people. */
export function whyWaiting({ status }: Pick<PodState, "status">): string {
  const [{ state } = {}] = status?.containerStatuses ?? [];
  if (state?.running !== undefined) return "the pod must end in time; it still runs";
  if (state?.waiting !== undefined) return `the pod must run; its container waits (${said(state.waiting)})`;
  const unscheduled = status?.conditions?.find(({ type, status: is }) => type === "PodScheduled" && is === "False");
  if (unscheduled !== undefined) return `the pod must run; no node takes it (${said(unscheduled)})`;
  return `the pod must run; nothing took it up in time (${status?.phase ?? "no status"})`;
}

function readResult(ended: Said & { readonly exitCode?: number }): ProbeResult | { readonly undecided: string } {
  const lines = (ended.message ?? "").split("\n");
  const connected = new Set(lines.filter((line) => /^\d{1,4}$/.test(line)).map(Number));
  const isComplete = ended.exitCode === 0 && lines.includes("end");
  if (!isComplete && connected.size === 0)
    return { undecided: `the pod must try every server; it ended with ${ended.exitCode ?? "?"} (${said(ended)})` };
  return { hasControl: lines.includes("control"), connected, isComplete };
}

function said({ reason, message }: Said): string {
  return (
    [reason, message]
      .filter((part) => part !== undefined && part !== "")
      .join(": ")
      .slice(0, MAX_SAID) || "no reason told"
  );
}
