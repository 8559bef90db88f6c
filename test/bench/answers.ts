/** What the bench's backend answers, known to both ends so that every answer is compared whole. */
export interface Asked {
  readonly id: number;
  /** Bytes of the result's JSON. */
  readonly bytes: number;
  readonly isStream: boolean;
}

const EMPTY_RESULT_BYTES = '{"content":[{"type":"text","text":""}]}'.length;
const texts = new Map<number, string>();

/** The whole body that the backend sends. */
export function answerTo({ id, bytes, isStream }: Asked): string {
  const message = `{"jsonrpc":"2.0","id":${id},"result":${resultOf(bytes)}}`;
  return isStream ? `event: message\ndata: ${message}\n\n` : message;
}

/** The `tools/call` that asks for it. */
export function callFor({ id, bytes, isStream }: Asked, tool: string): string {
  return `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"${tool}","arguments":{"namespace":"production","bytes":${bytes},"isStream":${isStream}}}}`;
}

function resultOf(bytes: number): string {
  let text = texts.get(bytes);
  if (text === undefined) {
    text = `{"content":[{"type":"text","text":"${"x".repeat(bytes - EMPTY_RESULT_BYTES)}"}]}`;
    texts.set(bytes, text);
  }
  return text;
}
