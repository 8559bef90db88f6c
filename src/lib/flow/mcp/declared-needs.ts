import type { Declared } from "../../policy/registry.ts";
import { RBAC_METADATA, readRbacMetadata } from "./rbac-metadata.ts";

export interface DeclarationReading {
  readonly declared: Declared;
  /** Why what the tool says of its needs is not understood; null where it says nothing, or it is. */
  readonly problem: string | null;
}

/**
 * What does an entry of a server's `tools/list` say of itself: its annotations (MCP, ToolAnnotations), and its requests to
 * Kubernetes? What it leaves out, or says in another way than known, is not known: never none, never harmless.
 */
export function readDeclaration(tool: unknown): DeclarationReading {
  const annotations = memberOf(tool, "annotations");
  const [readOnly, destructive] = [memberOf(annotations, "readOnlyHint"), memberOf(annotations, "destructiveHint")];
  const hints: Declared = {
    ...(typeof readOnly === "boolean" ? { readOnly } : {}),
    ...(typeof destructive === "boolean" ? { destructive } : {}),
  };
  const metadata = memberOf(memberOf(tool, "_meta"), RBAC_METADATA);
  if (metadata === undefined) return { declared: hints, problem: null };
  const reading = readRbacMetadata(metadata);
  return reading.ok
    ? { declared: { ...hints, bounds: reading.bounds }, problem: null }
    : { declared: hints, problem: reading.problem };
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}
