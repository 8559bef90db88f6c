import { AppError } from "../lib/errors.ts";
import type { Ports } from "./ports.ts";

/** All of standard input. @throws AppError usage on a terminal, invalid when it is more than `maxBytes` */
export async function readStdin({ stdin }: Pick<Ports, "stdin">, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of stdin()) {
    bytes += part.length;
    if (bytes > maxBytes)
      throw new AppError("invalid", "stdin_too_large", `standard input holds more than ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}
