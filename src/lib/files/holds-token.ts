import { TOKEN_EXPRESSION } from "../keys/find-tokens.ts";
import { readToken } from "../keys/key.ts";
import { readFileBytesIfAnySync } from "./read-file.ts";

/** Far more than the tokens of one user. */
const MAX_BYTES = 16 * 1024 * 1024;
const TOKEN = new RegExp(TOKEN_EXPRESSION, "g");

/** Does this file hold the token of this key hash, on a line that was written to its end? */
export function fileHoldsToken(path: string, hash: string): boolean {
  const bytes = readFileBytesIfAnySync(path, "the file of tokens", MAX_BYTES);
  if (bytes === null) return false;
  const text = Buffer.from(bytes).toString("latin1");
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  return [...whole.matchAll(TOKEN)].some(([token]) => {
    const reading = readToken(token);
    return reading.ok && reading.hash === hash;
  });
}
