import { AppError } from "../errors.ts";

/**
 * Where the denylist of a context lies: a file beside the embedded store, or a ConfigMap. Every method throws AppError
 * only.
 */
export interface DenylistStore {
  /** For people: `ConfigMap mcp-gateway/mcp-gateway-denylist`, or `file .mcpctl/denylist.json`. */
  readonly label: string;
  /** Its text; null when there is none. */
  read(): Promise<string | null>;
  /** Makes an empty one; false when there was one, which stays as it is. */
  create(): Promise<boolean>;
  /**
   * Replaces the text by what `edit` makes of it, and does so again on the newer text whenever somebody else was faster:
   * no writer loses another's change. @throws AppError not-found when there is none, and whatever `edit` throws
   */
  change(edit: (text: string) => string): Promise<void>;
}

/** What a store says that has none. */
export function noDenylist(label: string): AppError {
  return new AppError("not-found", "denylist_missing", `there is no denylist: ${label} does not exist`, {
    hint: "Make it with `mcpctl lock init`; without one, a gateway refuses every call.",
  });
}
