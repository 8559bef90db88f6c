import type { Decision } from "../policy/decide.ts";
import type { ToolAnswer } from "./judge-tool.ts";
import { beyondOf } from "./tool-need.ts";
import { outcomeOfAll } from "./verdict.ts";

export const LAYERS = ["gateway", "kubernetes", "aws"] as const;
export type Layer = (typeof LAYERS)[number];

/** The answer to "can this role call that tool" through the layers that were asked. */
export interface FlowAnswer {
  readonly outcome: Decision["outcome"];
  /** The first layer that says no; null where none does. */
  readonly stoppedBy: Layer | null;
  /** The layers after it that would have said no as well. */
  readonly alsoStoppedBy: readonly Layer[];
}

/**
 * A call passes the layers in order, and one no is enough. Without a no anywhere, one unknown makes the whole unknown;
 * so does a system that decides after them and that nobody asked (`beyond`). `only` asks for that layer alone; without a
 * tool (`lower` null) it is for the gateway to say.
 */
export function flowAnswer(gateway: Decision, lower: ToolAnswer | null, only: Layer | null): FlowAnswer {
  const outcomes: readonly (readonly [Layer, Decision["outcome"]])[] = [
    ["gateway", gateway.outcome],
    ...(lower === null
      ? []
      : ([
          ["kubernetes", lower.kubernetes.outcome],
          ["aws", lower.aws.outcome],
        ] as const)),
  ];
  const asked = outcomes.filter(([layer]) => only === null || layer === only);
  const [stoppedBy = null, ...alsoStoppedBy] = asked
    .filter(([, outcome]) => outcome === "deny")
    .map(([layer]) => layer);
  const whole = outcomeOfAll(asked.map(([, outcome]) => outcome));
  const isBeyond = only === null && lower !== null && beyondOf(lower.need) !== null;
  return { outcome: whole === "allow" && isBeyond ? "unknown" : whole, stoppedBy, alsoStoppedBy };
}
