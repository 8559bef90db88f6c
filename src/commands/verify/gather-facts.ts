import { currentContext, type Config } from "../../lib/config/config.ts";
import type { VerifySubject } from "../../lib/flow/verify/subject.ts";
import type { Registry } from "../../lib/policy/registry.ts";
import { readFacts } from "../facts.ts";
import type { LiveLayers } from "../layers.ts";
import type { Ports } from "../ports.ts";

export type FactPorts = Pick<
  Ports,
  "config" | "cwd" | "kube" | "label" | "progress" | "projectConfig" | "signal" | "tell"
>;

export interface GatheredFacts extends Pick<VerifySubject, "cluster" | "iam" | "gatewayNamespace" | "offered"> {
  readonly files: readonly string[];
  readonly notes: readonly string[];
}

/** What `verify` looks at: files, or the systems themselves. @throws AppError */
export async function gatherFacts(
  config: Config,
  live: LiveLayers | null,
  registry: Registry,
  ports: FactPorts,
): Promise<GatheredFacts> {
  void live;
  void registry;
  const { cluster, iam, files } = readFacts(config, ports);
  return { cluster, iam, files, offered: null, gatewayNamespace: gatewayNamespaceOf(config), notes: [] };
}

/** The gateway is where the current context says, or the only one that names a cluster. */
function gatewayNamespaceOf(config: Config): string | null {
  const current = currentContext(config).kubernetes?.namespace;
  const all = new Set(config.contexts.flatMap(({ kubernetes }) => kubernetes?.namespace ?? []));
  const [only] = all;
  return current ?? (all.size === 1 && only !== undefined ? only : null);
}
