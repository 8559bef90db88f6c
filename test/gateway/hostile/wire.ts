import { connect, type Socket } from "node:net";
import type { MintedKey } from "../../../src/lib/keys/key.ts";

/** A connection on which every byte is the test's own. */
export interface Wire {
  readonly socket: Socket;
  /** Everything that came back so far, one letter for each byte. */
  text(): string;
  /** Resolves with everything that came back once the connection is closed, however it was. */
  readonly closed: Promise<string>;
}

/** Opens a connection and writes this; the test closes it, or the gateway does. */
export function openWire(url: string, bytes: string | Buffer = ""): Wire {
  const socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1", allowHalfOpen: true });
  let text = "";
  const closed = new Promise<string>((resolve) => {
    socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
    // Half open, so that a test may end its side and still read; once the gateway ends its own, nothing is left to do.
    socket.on("end", () => socket.end());
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(text));
  });
  if (bytes.length > 0) socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  return { socket, text: () => text, closed };
}

/** Writes these bytes and gives everything that came back until the gateway closed. */
export function exchange(url: string, bytes: string | Buffer): Promise<string> {
  return openWire(url, bytes).closed;
}

/** The statuses in a text of answers, in order. */
export function statusesIn(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
}

/** What stands after the first blank line. */
export function bodyOf(text: string): string {
  return text.slice(text.indexOf("\r\n\r\n") + 4);
}

/** The head of a request with this key, ended by a blank line; `lines` come last and may be wrong in any way. */
export function headOf(key: MintedKey, lines: readonly string[], first = "POST /mcp/eks-ro/mcp HTTP/1.1"): string {
  const all = [
    first,
    "Host: localhost",
    `Authorization: Bearer ${key.token.reveal()}`,
    "Content-Type: application/json",
    ...lines,
  ];
  return `${all.join("\r\n")}\r\n\r\n`;
}

/** A whole POST of this body. */
export function postOf(key: MintedKey, body: string, lines: readonly string[] = ["Connection: close"]): string {
  return headOf(key, [...lines, `Content-Length: ${Buffer.byteLength(body)}`]) + body;
}
