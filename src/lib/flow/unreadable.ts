import type { Finding, SourceText } from "../policy/source.ts";
import type { DocumentsReading } from "./document.ts";

/** A file that cannot be used, for what is at this offset. */
export function unreadable(source: SourceText, at: number, message: string): DocumentsReading {
  return { documents: [], findings: [unreadableAt(source, at, message)], size: 0 };
}

export function unreadableAt(source: SourceText, at: number, message: string): Finding {
  return source.finding("MC001", at, message, { isUnreadable: true });
}
