import type { Config, Context } from "../../lib/config/config.ts";
import type { Locks } from "../../lib/policy/locks.ts";
import { openFiles, type AskedLayers } from "../layer-files.ts";
import { readLocks } from "../read-locks.ts";
import type { CanPorts } from "./can.ts";

/** Which layers are asked themselves and not their files. */
export type LiveLayers = "all" | "kubernetes" | "aws";

/** The layers below the gateway, ready to be asked, and the locks. */
export interface OpenLayers extends AskedLayers {
  /** The locks in force, and what to say where they were not read. */
  locks(context: Context): Promise<{ readonly locks: Locks; readonly note: string | null }>;
  close(): void;
}

export async function openLayers(config: Config, live: LiveLayers | null, ports: CanPorts): Promise<OpenLayers> {
  void live;
  return {
    ...openFiles(config, ports),
    locks: async (context) => readLocks(context, ports.label),
    close: () => undefined,
  };
}
