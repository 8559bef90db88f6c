import type { Message } from "./message.ts";
import { SseCutter } from "./sse.ts";

/** What a backend's answer says of the call, as far as it could be read. */
export interface AnswerSummary {
  readonly rpcErrorCode: number | null;
  readonly isError: boolean | null;
}

const UNREAD: AnswerSummary = { rpcErrorCode: null, isError: null };
const PLAIN_SUCCESS: AnswerSummary = { rpcErrorCode: null, isError: false };

/**
 * Does this answer report an error? JSON escapes the quotes inside strings, so an answer without `"error"` and
 * `"isError"` has no such member, and need not be parsed.
 */
export function summarise(answer: Buffer, isStream: boolean, message: Message): AnswerSummary {
  if (message.kind !== "request") return UNREAD;
  const plain = answer.toString("latin1");
  const mayFail = plain.includes('"error"') || plain.includes('"isError"');
  if (!mayFail) return plain.includes('"result"') ? success(message) : UNREAD;
  const texts = isStream ? dataOf(answer) : [answer.toString("utf8")];
  for (const text of texts) {
    const summary = summariseText(text, message);
    if (summary !== null) return summary;
  }
  return UNREAD;
}

function success(message: Message): AnswerSummary {
  return message.method === "tools/call" ? PLAIN_SUCCESS : UNREAD;
}

interface Response {
  readonly id?: unknown;
  readonly result?: { readonly isError?: unknown };
  readonly error?: { readonly code?: unknown };
}

function summariseText(text: string, message: Message): AnswerSummary | null {
  let response: Response;
  try {
    response = JSON.parse(text) as Response;
  } catch {
    return null;
  }
  if (typeof response !== "object" || response === null || response.id !== message.id) return null;
  if (response.error !== undefined) {
    const code = response.error?.code;
    return { rpcErrorCode: Number.isSafeInteger(code) ? (code as number) : null, isError: null };
  }
  if (response.result === undefined) return null;
  return response.result?.isError === true ? { rpcErrorCode: null, isError: true } : success(message);
}

function dataOf(stream: Buffer): readonly string[] {
  const events = new SseCutter(stream.length).push(stream) ?? [];
  return events.map(({ data }) => data ?? "").filter((data) => data !== "");
}
