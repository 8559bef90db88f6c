import type { RefusalReason } from "../lib/audit/reasons.ts";
import type { Deny, Unknown } from "../lib/policy/decide.ts";
import { REFUSALS, type Refused } from "./refusals.ts";

/** Thrown where a call is refused; caught in one place, which answers and records it. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly reason: RefusalReason;
  /** What the caller gets instead of the table's row, where that depends on the call. */
  readonly refused: Refused;
  /** The id of the lock that refused it. */
  readonly lock: string | null;

  constructor(reason: RefusalReason, changes: Partial<Refused> = {}, lock: string | null = null) {
    // A refusal is an answer, not a fault: nobody reads where it was made, and a stack costs more than the rest of it.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(reason);
    Error.stackTraceLimit = stackTraceLimit;
    this.reason = reason;
    this.refused = { ...REFUSALS[reason], ...changes };
    this.lock = lock;
  }
}

/** The refusal that a decision stands for. `call` is what the body said. */
export function refusalOf(
  decision: Deny | Unknown,
  call: { readonly tool: string | null; readonly isModern: boolean },
): Refusal {
  if (decision.outcome === "unknown") return new Refusal(decision.reason);
  if (decision.lock !== null) {
    const { id, tell, reason } = decision.lock;
    return new Refusal(decision.reason, tell ? { message: `Locked: ${reason}` } : {}, id);
  }
  if (decision.reason === "tool_not_granted")
    return new Refusal("tool_not_granted", { message: `Unknown tool: ${call.tool ?? ""}` });
  // Revision 2026-07-28 answers an unknown method with 404, the older ones with 200.
  if (decision.reason === "method_not_granted" && call.isModern)
    return new Refusal("method_not_granted", { status: 404 });
  return new Refusal(decision.reason);
}
