import type { IamSession } from "../lib/aws/iam-session.ts";
import type { KubeApi } from "../lib/cluster/kube-api.ts";
import { currentContext, type Config } from "../lib/config/config.ts";
import type { Layer } from "../lib/flow/flow-answer.ts";
import type { Ports } from "./ports.ts";

/** A layer that can be asked itself, and not only through files. */
export type LiveLayer = Exclude<Layer, "gateway">;

export const LIVE_LAYERS = ["kubernetes", "aws"] as const satisfies readonly LiveLayer[];

/** Whom to ask live; null for a layer that files tell of. */
export interface Live {
  readonly api: KubeApi | null;
  readonly iam: IamSession | null;
  close(): void;
}

export const NOTHING_LIVE: Live = { api: null, iam: null, close: () => undefined };

/**
 * Opens the cluster of the current context, which is proven to be the pinned one, and IAM.
 * @throws AppError usage for a context without a cluster, and for whoever cannot be asked
 */
export async function openLive(
  layers: readonly LiveLayer[],
  config: Config,
  ports: Pick<Ports, "iam" | "kube" | "tell">,
): Promise<Live> {
  if (layers.length === 0) return NOTHING_LIVE;
  const iam = layers.includes("aws") ? await ports.iam() : null;
  if (!layers.includes("kubernetes")) return { api: null, iam, close: () => undefined };
  const { openPinned } = await import("../lib/cluster/pin.ts");
  const api = await openPinned(currentContext(config), ports.kube, {
    purpose: "could be asked",
    hint: "ask aws alone (`--live aws`, `mcpctl snapshot aws`)",
    tell: ports.tell,
  });
  return { api, iam, close: () => api.close() };
}
