import type { Backend } from "../../policy/registry.ts";

export interface ToolCounts {
  /** Those that the registry names. */
  readonly known: number;
  readonly exact: number;
  /** Those of which only the server says what they need at most. */
  readonly declared: number;
  readonly unknown: number;
}

/** Of how many of its tools does the registry say what they need? */
export function countTools({ tools = {} }: Pick<Backend, "tools">): ToolCounts {
  const counts = { known: 0, exact: 0, declared: 0, unknown: 0 };
  for (const { kubernetes, aws, declared } of Object.values(tools)) {
    counts.known += 1;
    if (kubernetes !== undefined || aws !== undefined) counts.exact += 1;
    else if (declared?.bounds !== undefined) counts.declared += 1;
    else counts.unknown += 1;
  }
  return counts;
}
