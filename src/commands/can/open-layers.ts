import type { Config, Context } from "../../lib/config/config.ts";
import type { Layers } from "../../lib/flow/judge-tool.ts";
import type { Kinds } from "../../lib/flow/tool-need.ts";
import type { Locks } from "../../lib/policy/locks.ts";
import { readLocks } from "../read-locks.ts";
import type { CanPorts } from "./can.ts";

/** Which layers are asked themselves and not their files. */
export type LiveLayers = "all" | "kubernetes" | "aws";

/** The layers below the gateway, ready to be asked. */
export interface OpenLayers extends Layers {
  readonly kinds: Kinds;
  /** What no answer of theirs takes into account. */
  readonly leavesOut: { readonly kubernetes: readonly string[]; readonly aws: readonly string[] };
  /** The locks in force, and what to say where they were not read. */
  locks(context: Context): Promise<{ readonly locks: Locks; readonly note: string | null }>;
  close(): void;
}
