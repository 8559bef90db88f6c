import type { AuditRecord } from "../../../src/lib/audit/record.ts";
import { callHeaders, send, toolCall, until, type TestGateway } from "../../support/gateway.ts";
import { sendJson, type RawAnswer, type Received } from "../../support/mcp-backend.ts";

/** What became of some bytes: the records that they left, and what reached the backend, whole. */
export interface Observed {
  readonly records: readonly AuditRecord[];
  readonly reached: readonly Received[];
}

export const RESULT = '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}';
export const ANSWER: RawAnswer = (_got, response) => sendJson(response, RESULT);

/** A tool that only the call below names; its record comes after those of everything that ended before it. */
const LAST = "the_last_call";

/**
 * What did `act` leave behind? No waiting for what must not come: an ordinary call is made when `act` is over, and
 * records are written in the order of their events.
 */
export async function observe(
  gateway: TestGateway,
  received: readonly Received[],
  act: () => Promise<unknown>,
  path = "/mcp/eks-ro/mcp",
): Promise<Observed> {
  const recordsBefore = (await gateway.records()).length;
  const receivedBefore = received.length;
  await act();
  await send(gateway.url, { path, headers: callHeaders(gateway.key), body: toolCall(LAST) });
  const isLast = ({ tool_name }: AuditRecord): boolean => tool_name === LAST;
  const records = await until(
    async () => (await gateway.records()).slice(recordsBefore),
    (found) => found.some(isLast),
  );
  const reached = received.slice(receivedBefore).filter(({ body }) => !body.includes(LAST));
  return { records: records.filter((record) => !isLast(record)), reached };
}

/** The records as `reason status`, in order. */
export function endings(records: readonly AuditRecord[]): string[] {
  return records.map(({ reason, http_status }) => `${reason} ${http_status}`);
}
