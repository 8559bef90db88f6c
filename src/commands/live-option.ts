import { Option } from "commander";
import { LIVE_LAYERS, type LiveLayer } from "./live.ts";

export type LiveChoice = LiveLayer | "all";

/** `--live` for all layers below the gateway, `--live aws` for one of them. */
export function liveOption(description: string): Option {
  return new Option("--live [layer]", description).choices([...LIVE_LAYERS, "all"]).preset("all");
}

export function liveLayers({ live }: { readonly live?: LiveChoice | undefined }): readonly LiveLayer[] {
  if (live === undefined) return [];
  return live === "all" ? LIVE_LAYERS : [live];
}
