/** How much a gateway takes, waits and holds. */
export interface GatewayLimits {
  readonly maxHeaderBytes: number;
  readonly maxBodyBytes: number;
  /** For the bodies of all calls together; one key may hold a quarter of it. */
  readonly maxTotalBodyBytes: number;
  /** How deep a body may be nested. */
  readonly maxJsonDepth: number;
  /** How long a client may take for its headers, and for the whole request with its body. */
  readonly headersTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  /** Requests per second of one key in the long run, twice as many at once; 0 is no limit, here and below. */
  readonly maxCallsPerSecond: number;
  readonly maxCallsPerKey: number;
  readonly maxStreamsPerKey: number;
  readonly maxCalls: number;
  readonly maxStreams: number;
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
  maxHeaderBytes: 16 * 1024,
  maxBodyBytes: 4 * MIB,
  maxTotalBodyBytes: 64 * MIB,
  maxJsonDepth: 128,
  headersTimeoutMs: 20_000,
  bodyTimeoutMs: 30_000,
  maxCallsPerSecond: 200,
  maxCallsPerKey: 64,
  maxStreamsPerKey: 32,
  maxCalls: 2_048,
  maxStreams: 4_096,
  answerTimeoutMs: 300_000,
  answerIdleTimeoutMs: 60_000,
  connectTimeoutMs: 5_000,
  maxAuditBytes: 64 * MIB,
  pollMs: 1_000,
  drainMs: 10_000,
  flushTimeoutMs: 5_000,
  startRecordTimeoutMs: 2_000,
};
