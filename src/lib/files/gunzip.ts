import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { AppError } from "../errors.ts";

/** Do these bytes begin as gzip does (RFC 1952, section 2.3.1)? */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** What was compressed, in parts. @throws AppError invalid when it is not whole, and whatever reading the parts throws */
export async function* gunzipped(parts: AsyncIterable<Uint8Array>, label: string): AsyncIterable<Uint8Array> {
  const gunzip = createGunzip();
  const fed = pipeline(Readable.from(copies(parts), { objectMode: false }), gunzip).catch((error: unknown) => error);
  try {
    yield* gunzip as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw isZlibError(error)
      ? new AppError("invalid", "gzip_broken", `${label} is gzip that is broken or not whole`, { cause: error })
      : error;
  } finally {
    gunzip.destroy();
    await fed;
  }
}

/** A part may be written over while it is being unzipped. */
async function* copies(parts: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const part of parts) yield Buffer.from(part);
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && "code" in error && String(error.code).startsWith("Z_");
}
