import { setTimeout as delay } from "node:timers/promises";
import { nanoid } from "nanoid";
import { AppError } from "../errors.ts";
import { readyCondition, type ExternalSecret } from "./external-secret.ts";
import type { KubeApi } from "./kube-api.ts";
import type { KubeList } from "./objects.ts";

export interface ExternalSecretRef {
  readonly namespace: string;
  readonly name: string;
}

/** What came of one forced sync. */
export type ForcedSync =
  | { readonly ok: true; readonly refreshTime: string | null }
  /** `problem` is the operator's own words, from its Event where those may be read. */
  | { readonly ok: false; readonly problem: string };

/** Any change of an annotation makes the operator sync at once; this one is its convention. */
export const FORCE_ANNOTATION = "force-sync";

interface KubeEvent {
  readonly metadata?: { readonly uid?: string };
  readonly reason?: string;
  readonly type?: string;
  readonly message?: string;
  readonly count?: number;
  readonly series?: { readonly count?: number };
}

export interface ForceOptions {
  /** Monotonic time in milliseconds until which to wait. */
  readonly deadline: number;
  readonly signal: AbortSignal;
  /** Told when Events cannot be read. */
  readonly onNoEvents: (error: AppError) => void;
}

/** The pauses between asking while the operator works: mostly it is done at once, and with 6,000 keys after half a minute. */
const FIRST_PAUSE_MS = 30;
const LAST_PAUSE_MS = 1_000;
const ASK_EVENTS_EVERY_MS = 500;
const MOST_EVENTS = 500;

/**
 * Forces one sync and waits for evidence of it: `syncedResourceVersion` of the object as the patch left it, and Ready=True.
 * An older reconcile that is still under way cannot pass for it, since its status update conflicts and is made anew. The
 * operator tells a failure in general words; the cause stands in its Event.
 * @throws AppError when the API refuses, unavailable for evidence that did not come in time
 */
export async function forceSync(api: KubeApi, ref: ExternalSecretRef, options: ForceOptions): Promise<ForcedSync> {
  const failuresBefore = await failuresOf(api, ref, options);
  const patched = await api.send<ExternalSecret>({
    verb: "patch",
    resource: "externalsecrets",
    ...ref,
    body: { metadata: { annotations: { [FORCE_ANNOTATION]: `${Date.now()}-${nanoid(12)}` } } },
  });
  const baseline = patched.status?.syncedResourceVersion;
  let eventsAt = performance.now();
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LAST_PAUSE_MS, pause * 1.3)) {
    await delay(pause, undefined, { signal: options.signal }).catch(() => undefined);
    if (options.signal.aborted)
      throw new AppError("interrupted", "interrupted", "interrupted while waiting for External Secrets");
    const { status } = await api.send<ExternalSecret>({ verb: "get", resource: "externalsecrets", ...ref });
    const ready = readyCondition(status?.conditions);
    if (status?.syncedResourceVersion !== baseline && ready?.status === "True")
      return { ok: true, refreshTime: status?.refreshTime ?? null };
    if (ready?.status === "False" && performance.now() - eventsAt > ASK_EVENTS_EVERY_MS) {
      eventsAt = performance.now();
      const failures = await failuresOf(api, ref, options);
      const fresh = failures?.find(
        ({ key, count }) => count > (failuresBefore?.find((old) => old.key === key)?.count ?? 0),
      );
      if (fresh !== undefined) return { ok: false, problem: fresh.message };
    }
    if (performance.now() > options.deadline) {
      if (ready?.status === "False") return { ok: false, problem: ready.message ?? ready.reason ?? "it says nothing" };
      throw new AppError(
        "unavailable",
        "external_secrets_silent",
        "the External Secrets Operator has not synced in time",
        {
          hint: "See whether it runs: `kubectl get pods -A | grep external-secrets`.",
        },
      );
    }
  }
}

interface Failure {
  readonly key: string;
  readonly count: number;
  readonly message: string;
}

/** The operator's failures of this object so far, the latest first; null where Events may not be read. */
async function failuresOf(
  api: KubeApi,
  { namespace, name }: ExternalSecretRef,
  { onNoEvents }: ForceOptions,
): Promise<readonly Failure[] | null> {
  try {
    const { items } = await api.send<KubeList<KubeEvent>>({
      verb: "list",
      resource: "events",
      namespace,
      name: null,
      query: {
        fieldSelector: `involvedObject.kind=ExternalSecret,involvedObject.name=${name},type=Warning`,
        // Whoever may write Events must not keep a sync from being forced by many of them.
        limit: String(MOST_EVENTS),
      },
    });
    return (items ?? [])
      .map(({ metadata, message = "", count, series }) => ({
        key: metadata?.uid ?? message,
        count: series?.count ?? count ?? 1,
        message: message.slice(0, 2_000),
      }))
      .toReversed();
  } catch (error) {
    // Words are worth having, and not worth failing for.
    if (!(error instanceof AppError) || error.kind === "interrupted") throw error;
    onNoEvents(error);
    return null;
  }
}
