import type { Layer } from "../../lib/flow/flow-answer.ts";
import type { Verdict } from "../../lib/flow/verdict.ts";
import type { ExitCode } from "../../lib/errors.ts";

type Outcome = Verdict["outcome"];

export const WORDS = { allow: "yes", deny: "no", unknown: "unknown" } as const satisfies Record<Outcome, string>;

export const EXITS = { allow: 0, deny: 1, unknown: 7 } as const satisfies Record<Outcome, ExitCode>;

export const LAYER_NAMES: Readonly<Record<Layer, string>> = {
  gateway: "the gateway",
  kubernetes: "Kubernetes RBAC",
  aws: "AWS IAM",
};
