import { connect, type Socket } from "node:net";
import type { Sent } from "./requests.ts";

/** How long a connection may be silent before a client that sent nonsense gives it up. */
const QUIET_MS = 100;
/** How long an honest client waits. */
const PATIENCE_MS = 20_000;

export interface Answered {
  readonly status: number;
  readonly body: string;
}

/** A connection of an honest client, on which answers come in the order of the calls. */
export class HonestConnection {
  readonly #socket: Socket;
  readonly #waiting: PromiseWithResolvers<Answered>[] = [];
  #text = "";

  constructor(port: number) {
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString("latin1");
      this.#take();
    });
    this.#socket.on("error", () => undefined);
    this.#socket.on("close", () => this.#fail("the connection was closed"));
    this.#socket.setTimeout(PATIENCE_MS, () => this.#fail("no answer came"));
  }

  /** Writes all of these at once; one promise for each. Each rejects where no answer comes. */
  ask(calls: readonly Sent[]): readonly Promise<Answered>[] {
    const waiting = calls.map(() => Promise.withResolvers<Answered>());
    this.#waiting.push(...waiting);
    if (this.#socket.destroyed) this.#fail("the connection is closed");
    else this.#socket.write(Buffer.concat(calls.map(({ bytes }) => bytes)));
    return waiting.map(({ promise }) => promise);
  }

  close(): void {
    this.#socket.destroy();
  }

  #fail(why: string): void {
    for (const { reject } of this.#waiting.splice(0)) reject(new Error(why));
  }

  #take(): void {
    for (let taken = takeAnswer(this.#text); taken !== null; taken = takeAnswer(this.#text)) {
      this.#text = taken.rest;
      this.#waiting.shift()?.resolve(taken);
    }
  }
}

/** The first whole answer of this text. */
function takeAnswer(text: string): (Answered & { readonly rest: string }) | null {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const head = text.slice(0, end);
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1] ?? 0);
  const length = /^content-length: (\d+)$/im.exec(head)?.[1];
  const bodyAt = end + 4;
  if (length !== undefined || !/^transfer-encoding: chunked$/im.test(head)) {
    const bodyEnd = bodyAt + Number(length ?? 0);
    return text.length < bodyEnd ? null : { status, body: text.slice(bodyAt, bodyEnd), rest: text.slice(bodyEnd) };
  }
  let body = "";
  for (let at = bodyAt; ;) {
    const [line, size = ""] = /^([0-9a-f]+)\r\n/i.exec(text.slice(at, at + 20)) ?? [];
    if (line === undefined) return null;
    const dataAt = at + line.length;
    at = dataAt + Number.parseInt(size, 16) + 2;
    if (text.length < at) return null;
    if (/^0+$/.test(size)) return { status, body, rest: text.slice(at) };
    body += text.slice(dataAt, at - 2);
  }
}

export interface Hostility {
  /** Whether each request goes out in a write of its own. */
  readonly isTorn: boolean;
  readonly leave: "end" | "reset" | "destroy";
}

/** Sends all of this on a connection of its own, and gives what came back until it closed, fell silent, or was enough. */
export function sendHostile(port: number, sent: readonly Sent[], { isTorn, leave }: Hostility): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  let text = "";
  return new Promise((resolve) => {
    const go = (): void => {
      if (leave === "end") socket.end(() => socket.destroy());
      else if (leave === "reset") socket.resetAndDestroy();
      else socket.destroy();
    };
    // Whoever is cut in the middle of a request leaves at once.
    const isCut = sent.at(-1)?.isCut === true;
    socket.on("connect", () => {
      if (isTorn) for (const { bytes } of sent) socket.write(bytes);
      else socket.write(Buffer.concat(sent.map(({ bytes }) => bytes)));
      socket.setTimeout(QUIET_MS, go);
      if (isCut) socket.write("", go);
    });
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if ((text.match(/HTTP\/1\.1 [2-5]\d\d /g)?.length ?? 0) >= sent.length) go();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(text));
  });
}
