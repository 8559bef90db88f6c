import type { AuditRecord } from "../../../src/lib/audit/record.ts";
import type { GatewayLimits } from "../../../src/lib/gateway-limits.ts";
import { startTestGateway, toolCall, until, type TestGateway } from "../../support/gateway.ts";
import { RESULT } from "./observed.ts";
import { startTcpBackend, type TcpAnswer, type TcpBackend } from "./tcp-backend.ts";
import { exchange, postOf } from "./wire.ts";

export const JSON_TYPE = "Content-Type: application/json";
export const EVENTS = "Content-Type: text/event-stream";

/** The grants that every hostile backend is tried under: a full one, and one that makes the gateway read the answer. */
export type Grant = "eks-ro" | "narrow";
export const GRANTS: readonly Grant[] = ["eks-ro", "narrow"];

/** The head of an answer, and this after it. */
export function answer(status: string, lines: readonly string[], body = ""): string {
  return `HTTP/1.1 ${status}\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n${body}`;
}

/** An honest answer of this body. */
export function whole(body = RESULT): string {
  return answer("200 OK", [JSON_TYPE, `Content-Length: ${body.length}`], body);
}

/** A body in chunks of one byte each. */
export function byteChunks(body: string): Buffer {
  return Buffer.from(`${body.replace(/[^]/g, "1\r\n$&\r\n")}0\r\n\r\n`);
}

export interface Pair {
  readonly backend: TcpBackend;
  readonly gateway: TestGateway;
  readonly grant: Grant;
  close(): Promise<void>;
}

/** A gateway with short limits in front of one hostile backend; `close` sees that no socket of either is left. */
export async function startPair(
  grant: Grant,
  how: TcpAnswer,
  { atOnce = false, limits = {} }: { readonly atOnce?: boolean; readonly limits?: Partial<GatewayLimits> } = {},
): Promise<Pair> {
  const socketsBefore = tcpSockets();
  const backend = await startTcpBackend(how, { atOnce });
  const gateway = await startTestGateway({ [grant]: backend.url }, {}, { limits: { drainMs: 50, ...limits } });
  const close = async (): Promise<void> => {
    await gateway.close();
    await backend.close();
    await until(tcpSockets, (count) => count <= socketsBefore);
  };
  return { backend, gateway, grant, close };
}

/** One call, and everything that the client got until the gateway closed. */
export function callOnce({ gateway, grant }: Pair, body = toolCall("eks_get_pods")): Promise<string> {
  return exchange(gateway.url, requestOf({ gateway, grant }, body));
}

export function requestOf(
  { gateway, grant }: Pick<Pair, "gateway" | "grant">,
  body = toolCall("eks_get_pods"),
): string {
  return postOf(gateway.key, body).replace("/mcp/eks-ro/", `/mcp/${grant}/`);
}

/** The only record, as `reason status`, once it is there. */
export async function theOneRecord({ gateway }: Pair): Promise<string> {
  const records = await gateway.waitForRecords(1);
  return records.map(({ type, reason, http_status }: AuditRecord) => `${type} ${reason} ${http_status}`).join();
}

/** How many TCP connections this process holds: the client's, the gateway's and the backend's ends. */
export function tcpSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
}
