import { AppError, type ErrorKind } from "../errors.ts";
import { rightOf, type KubeCall } from "./resources.ts";

/** What the API server says beside a status (https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.35/#status-v1-meta). */
export interface KubeStatus {
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly name?: string; readonly kind?: string; readonly retryAfterSeconds?: number };
}

interface Failure {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly says: string;
  readonly hint: string;
}

const CREDENTIALS_REFUSED: Failure = {
  kind: "unauthenticated",
  code: "kube_credentials_refused",
  says: "was refused: the cluster does not accept the credentials in use",
  hint: "Log in to the cluster again, and check which kubeconfig context is in use.",
};
export const CREDENTIALS_UNUSABLE: Failure = {
  kind: "unauthenticated",
  code: "kube_credentials_unusable",
  says: "could not be sent: a certificate, a key or the token in use is none",
  hint: "Log in to the cluster again, and check the kubeconfig with `kubectl get --raw /version`.",
};
const FORBIDDEN: Failure = {
  kind: "forbidden",
  code: "kube_forbidden",
  says: "was refused: the Kubernetes identity in use lacks that right",
  hint: "Grant it in a Role; `mcpctl init` writes the Roles with the least rights under deploy/.",
};
const NOT_FOUND: Failure = {
  kind: "not-found",
  code: "kube_not_found",
  says: "found no such object",
  hint: "Check the names in mcpctl.yaml, and the kubeconfig context.",
};
const NOT_SERVED: Failure = {
  kind: "not-found",
  code: "kube_not_served",
  says: "failed: the cluster does not serve that kind",
  hint: "Install the External Secrets Operator (external-secrets.io/v1, so 0.17 or newer) where its kinds are missing.",
};
const CONFLICT: Failure = {
  kind: "conflict",
  code: "kube_conflict",
  says: "met another change of the same object",
  hint: "Repeat the command.",
};
const GONE: Failure = {
  kind: "unavailable",
  code: "kube_gone",
  says: "asked for a version that is gone",
  hint: "Repeat the command.",
};
const INVALID: Failure = {
  kind: "invalid",
  code: "kube_invalid",
  says: "was refused as invalid",
  hint: "Check what an admission policy, or the kind's schema, asks for.",
};
const TOO_MANY: Failure = {
  kind: "unavailable",
  code: "kube_throttled",
  says: "was throttled by the API server",
  hint: "Wait a moment and repeat the command.",
};
const FAILING: Failure = {
  kind: "unavailable",
  code: "kube_failing",
  says: "failed inside the API server",
  hint: "Look at the API server's health (`kubectl get --raw /readyz`), then repeat the command.",
};
export const UNREACHABLE: Failure = {
  kind: "unavailable",
  code: "kube_unreachable",
  says: "did not reach the API server",
  hint: "Check network, VPN and kubeconfig (`kubectl get --raw /version`), then repeat the command.",
};
export const TIMED_OUT: Failure = {
  kind: "unavailable",
  code: "kube_timeout",
  says: "got no answer from the API server in time",
  hint: "Check network and API server (`kubectl get --raw /readyz`), then repeat the command.",
};
export const LOGIN_SILENT: Failure = {
  kind: "unauthenticated",
  code: "kube_login_silent",
  says: "was not sent: the program that the kubeconfig names for credentials does not end",
  hint: "Log in with it by hand, then repeat the command.",
};
export const UNREADABLE: Failure = {
  kind: "unavailable",
  code: "kube_answer_unreadable",
  says: "got an answer that is not the API's",
  hint: "Check what stands between this machine and the API server.",
};

export const STALE: Failure = {
  kind: "unavailable",
  code: "kube_stale",
  says: "got an older state than before",
  hint: "Check the API server and its etcd; was the cluster restored from a backup?",
};

/** What does this status of an answer mean? */
export function statusError(call: KubeCall, status: number, said: KubeStatus | null): AppError {
  const failure = failureOf(call, status, said);
  // What the server says of a Secret may quote it.
  const quoted = (status === 403 || status === 422) && call.resource !== "secrets" ? (said?.message ?? null) : null;
  return kubeError(call, failure, quoted);
}

function failureOf(call: KubeCall, status: number, said: KubeStatus | null): Failure {
  switch (status) {
    case 401:
      return CREDENTIALS_REFUSED;
    case 403:
      return FORBIDDEN;
    case 404:
      return call.name !== null && said?.details?.name === undefined ? NOT_SERVED : NOT_FOUND;
    case 409:
      return CONFLICT;
    case 410:
      return GONE;
    case 429:
      return TOO_MANY;
    default:
      if (status >= 500) return FAILING;
      return status >= 400 ? INVALID : UNREADABLE;
  }
}

export function kubeError(call: KubeCall, failure: Failure, said: string | null, cause?: unknown): AppError {
  const detail = said === null ? "" : ` (it says: ${said.slice(0, 500)})`;
  return new AppError(failure.kind, failure.code, `${rightOf(call)} ${failure.says}${detail}.`, {
    hint: failure.hint,
    cause,
  });
}

/** Is this an object that is not there, rather than an API that cannot say? */
export function isNotFound(error: unknown): boolean {
  return error instanceof AppError && error.code === NOT_FOUND.code;
}

/** Does the cluster not know that kind at all? */
export function isNotServed(error: unknown): boolean {
  return error instanceof AppError && error.code === NOT_SERVED.code;
}

/** The object that was asked for, or null where there is none. */
export async function ifFound<T>(sent: Promise<T>): Promise<T | null> {
  try {
    return await sent;
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

export function isConflict(error: unknown): boolean {
  return error instanceof AppError && error.code === CONFLICT.code;
}

/** Did the API server answer at all, with something that repeating could mend? */
export function isTransient(error: unknown): boolean {
  return error instanceof AppError && error.kind === "unavailable" && error.code !== GONE.code;
}

export function isGone(error: unknown): boolean {
  return error instanceof AppError && error.code === GONE.code;
}
