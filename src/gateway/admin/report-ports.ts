import type { AuditSink } from "../audit-sink.ts";
import type { InFlight } from "../in-flight.ts";
import type { LastUse } from "../last-use.ts";
import type { LockEffects } from "../lock-effects.ts";
import type { Metrics } from "../metrics.ts";
import type { Clock } from "../state/clock.ts";
import type { GatewayState } from "../state/gateway-state.ts";

/** What the admin listener tells of. */
export interface ReportPorts {
  readonly state: Pick<GatewayState, "current" | "sources">;
  readonly sink: Pick<AuditSink, "isFailing" | "isFull" | "failures" | "waitingBytes">;
  readonly inFlight: Pick<InFlight, "size" | "streams">;
  readonly metrics: Pick<Metrics, "render">;
  readonly lastUse: Pick<LastUse, "of">;
  readonly lockEffects: Pick<LockEffects, "of">;
  /** What is wrong with the certificate, for people; null when nothing is. */
  readonly tlsProblem: () => string | null;
  readonly clock: Clock;
  readonly isDraining: () => boolean;
  readonly version: string;
  readonly instance: string;
}
