import { isUtf8 } from "node:buffer";
import { decodeUtf8 } from "../../lib/files/read-file.ts";

/**
 * Well below the length from which Node keeps a text outside the heap (`EXTERN_APEX` in its src/string_bytes.cc, about
 * 1 MB), where the collector lets dozens of them lie.
 */
export const PIECE_BYTES = 512 * 1024;

/** UTF-8 text of such bytes, however long, in the heap. @throws AppError invalid when they are not UTF-8 */
export function decodeInPieces(bytes: Uint8Array, label: string): string {
  if (bytes.length <= PIECE_BYTES || !isUtf8(bytes)) return decodeUtf8(bytes, label);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let text = "";
  for (let at = 0; at < bytes.length; at += PIECE_BYTES)
    text += decoder.decode(bytes.subarray(at, at + PIECE_BYTES), { stream: true });
  return text + decoder.decode();
}
