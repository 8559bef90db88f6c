import { redactText } from "./redact.ts";

/** Real ones are dates, ten characters; what callers make up is not worth more room. */
export const MAX_VERSION_LENGTH = 32;

/** What a record says of the protocol version that a caller claims, in a header or in the message. */
export function auditedVersion(claimed: string | null): string | null {
  return claimed === null ? null : redactText(claimed).slice(0, MAX_VERSION_LENGTH);
}
