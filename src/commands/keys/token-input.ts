import { AppError } from "../../lib/errors.ts";
import { readToken, type TokenReading } from "../../lib/keys/key.ts";
import { Secret } from "../../lib/secret.ts";
import type { Ports } from "../ports.ts";
import { readStdin } from "../stdin.ts";

/** Room for the longest token, and for what people paste around it. */
const MAX_BYTES = 64 * 1024;

/** The token on standard input; on a terminal it is asked for, and what is typed is not shown. */
export async function askToken(ports: Pick<Ports, "stdin" | "secret">): Promise<Secret> {
  const typed = await ports.secret("Token (not shown): ");
  return bareToken(typed ?? Buffer.from(await readStdin(ports, MAX_BYTES)).toString("latin1"));
}

/**
 * What people have in hand is often a header, a quoted text, or the key that stands inside the token.
 * @throws AppError invalid when there is nothing
 */
function bareToken(pasted: string): Secret {
  const text = unquoted(
    unquoted(pasted)
      .replace(/^authorization:\s*/i, "")
      .replace(/^bearer\s+/i, ""),
  );
  if (text === "") throw new AppError("invalid", "token_missing", "no token was given", { hint: "Pipe it in." });
  return new Secret(/^mcpk_[0-9A-Za-z]*$/.test(text) ? Buffer.from(text, "latin1").toString("base64") : text);
}

function unquoted(text: string): string {
  return text
    .trim()
    .replace(/^(["'`])(.*)\1$/s, "$2")
    .trim();
}

export const TOKEN_PROBLEMS: Readonly<Record<Exclude<TokenReading, { ok: true }>["problem"], string>> = {
  not_base64: "it is not canonical base64",
  wrong_length: "it is too short or too long for a token",
  wrong_form: "it begins like one of ours and does not go on like one: a part is missing or too much",
  wrong_checksum: "its checksum is wrong: a typing error, or a character lost when it was copied",
};

/** @throws AppError invalid for what cannot be a token, saying why and never what it was */
export function hashOfToken(token: Secret, consequence: string): string {
  const reading = readToken(token.reveal());
  if (reading.ok) return reading.hash;
  throw new AppError("invalid", `token_${reading.problem}`, `that is no token: ${TOKEN_PROBLEMS[reading.problem]}`, {
    hint: `${consequence} Copy it again, whole.`,
  });
}
