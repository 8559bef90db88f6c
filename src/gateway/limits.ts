/** How much a gateway takes, waits and holds. */
export interface GatewayLimits {
  readonly maxBodyBytes: number;
  /** For the bodies of all calls together. */
  readonly maxTotalBodyBytes: number;
  readonly bodyTimeoutMs: number;
  /** How long a backend may take to begin its answer, and between two parts of an answer that is a stream of events. */
  readonly answerTimeoutMs: number;
  /** How long it may be silent in the middle of any other answer. */
  readonly answerIdleTimeoutMs: number;
  readonly connectTimeoutMs: number;
  /** Audit records that wait to be written, and those that calls in flight will need. */
  readonly maxAuditBytes: number;
  /** How often files are looked at where no change was announced. */
  readonly pollMs: number;
  /** How long calls may take to finish when the gateway ends. */
  readonly drainMs: number;
  readonly flushTimeoutMs: number;
  /** How long a call that can change something waits until its start record is written. */
  readonly startRecordTimeoutMs: number;
}

const MIB = 1024 * 1024;

export const DEFAULT_LIMITS: GatewayLimits = {
  maxBodyBytes: 4 * MIB,
  maxTotalBodyBytes: 64 * MIB,
  bodyTimeoutMs: 30_000,
  answerTimeoutMs: 300_000,
  answerIdleTimeoutMs: 60_000,
  connectTimeoutMs: 5_000,
  maxAuditBytes: 64 * MIB,
  pollMs: 1_000,
  drainMs: 10_000,
  flushTimeoutMs: 5_000,
  startRecordTimeoutMs: 2_000,
};
