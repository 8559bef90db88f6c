/** Which trace a call belongs to, and the caller's span in it. */
export interface TraceContext {
  /** 32 lower-case hex characters, not all zero. */
  readonly traceId: string;
  /** 16 of the same. */
  readonly spanId: string;
}

/** A later version may go on after the flags, with a hyphen (Versioning of traceparent). */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:$|-)/;
const LENGTH_OF_00 = 55;

/**
 * What does this `traceparent` say? Null when it is not valid: then nothing of it is used.
 * W3C Trace Context, sections 3.2 and 3.2.4: https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function traceOf(traceparent: string | null): TraceContext | null {
  if (traceparent === null) return null;
  const [, version, traceId, spanId] = TRACEPARENT.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined) return null;
  return version === "00" && traceparent.length !== LENGTH_OF_00 ? null : { traceId, spanId };
}
