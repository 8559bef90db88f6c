import { createServer, type AddressInfo, type Socket } from "node:net";
import { until } from "../../support/gateway.ts";

/** A backend whose every byte is the test's own, and that counts who is connected. */
export interface TcpBackend {
  readonly url: string;
  /** Every connection there ever was, in order. */
  readonly sockets: readonly Socket[];
  /** How many connections are open now. */
  open(): number;
  /** How many requests came. */
  requests(): number;
  close(): Promise<void>;
}

/** What the backend does with the `count`-th request, counted from 0 over all connections. */
export type TcpAnswer = (socket: Socket, count: number) => void;

/** Starts one that answers each request, however it was cut, by calling `answer`; with `atOnce` when its head is there. */
export async function startTcpBackend(answer: TcpAnswer, { atOnce = false } = {}): Promise<TcpBackend> {
  const sockets: Socket[] = [];
  let requests = 0;
  const server = createServer((socket) => {
    sockets.push(socket);
    let text = "";
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      for (let end = endOfRequest(text, atOnce); end !== null; end = endOfRequest(text, atOnce)) {
        text = atOnce ? "" : text.slice(end);
        answer(socket, requests++);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const open = (): number => sockets.filter((socket) => !socket.destroyed).length;
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, sockets, open, requests: () => requests, close };
}

/** Waits until the gateway has let go of every connection. */
export function untilAllClosed(backend: TcpBackend): Promise<number> {
  return until(
    () => backend.open(),
    (count) => count === 0,
  );
}

/** Where the first whole request in this text ends; its head is enough for `isHeadEnough`. */
function endOfRequest(text: string, isHeadEnough: boolean): number | null {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return null;
  if (isHeadEnough) return head + 4;
  const length = Number(/^content-length: (\d+)/im.exec(text.slice(0, head))?.[1] ?? 0);
  const end = head + 4 + length;
  return text.length < end ? null : end;
}
