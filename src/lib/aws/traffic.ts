import type { IAMClient } from "@aws-sdk/client-iam";
import type { SSMClient } from "@aws-sdk/client-ssm";
import type { STSClient } from "@aws-sdk/client-sts";

/** Clocks that differ by less agree: an answer's date has whole seconds, and its way here takes some too. */
const AGREES_WITHIN_MS = 30_000;

/** Counts requests and reads AWS's clock off the `Date` of each answer (RFC 9110, section 6.6.1). */
export class Traffic {
  calls = 0;
  clockOffsetMs = 0;

  /** Every attempt of the client from now on, the retried ones included. */
  watch(client: SSMClient | IAMClient | STSClient): void {
    // One stack for all: what they send is not looked at.
    (client as SSMClient).middlewareStack.add(
      (next) => async (args) => {
        this.calls += 1;
        const result = await next(args);
        this.#readClock(result.response);
        return result;
      },
      { step: "deserialize", name: "mcpctlTraffic", priority: "low" },
    );
  }

  #readClock(response: unknown): void {
    const at = Date.parse(dateOf(response));
    if (Number.isNaN(at)) return;
    const offsetMs = at - Math.floor(Date.now() / 1000) * 1000;
    this.clockOffsetMs = Math.abs(offsetMs) < AGREES_WITHIN_MS ? 0 : offsetMs;
  }
}

function dateOf(response: unknown): string {
  if (typeof response !== "object" || response === null || !("headers" in response)) return "";
  const { headers } = response;
  if (typeof headers !== "object" || headers === null || !("date" in headers)) return "";
  return typeof headers.date === "string" ? headers.date : "";
}
