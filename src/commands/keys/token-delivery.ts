import { AppError } from "../../lib/errors.ts";
import type { Ports, TokenSink } from "../ports.ts";
import type { TokenForm } from "./token-form.ts";

/**
 * Opens the place where tokens will go, before anything is minted.
 * @throws AppError usage off a terminal when neither form nor file was asked for.
 */
export async function openSink(
  ports: Pick<Ports, "sink" | "stdoutIsTerminal" | "stdoutIsDiscarded">,
  form: TokenForm | null,
  out: string | null,
  replaces?: string,
): Promise<TokenSink> {
  if (form === null && out === null && !ports.stdoutIsTerminal) {
    throw new AppError(
      "usage",
      "token_sink_missing",
      "standard output is not a terminal, and no place for the token was named",
      {
        hint: "Add --out FILE, or -o token to print it here.",
      },
    );
  }
  if (out === null && ports.stdoutIsDiscarded) {
    throw new AppError(
      "usage",
      "token_sink_missing",
      "standard output is closed or the null device; the token would be lost",
      {
        hint: "Add --out FILE.",
      },
    );
  }
  if (out === "" || out === "-") {
    throw new AppError("usage", "out_invalid", "--out must name a new file", {
      hint: "To print the token, leave --out away and add -o token.",
    });
  }
  if (out?.startsWith("secret:") === true && form !== null && form !== "token")
    throw new AppError("usage", "form_for_secret", `-o ${form} is not for a Secret, which holds the token alone`, {
      hint: "Leave -o away; pods find the token under the data key `token`.",
    });
  return ports.sink(out, replaces);
}

/** Runs `work` with the sink; one that nothing was delivered to is taken back when it fails. */
export async function withSink<T>(sink: TokenSink, work: (deliver: TokenSink["deliver"]) => Promise<T>): Promise<T> {
  let isUsed = false;
  const deliver = async (text: string): Promise<void> => {
    await sink.deliver(text);
    isUsed = true;
  };
  try {
    return await work(deliver);
  } finally {
    await (isUsed ? sink.close() : sink.discard());
  }
}

/** The Secret that a sink is, for the record; null for any other place. */
export function secretOf({ path }: TokenSink): string | null {
  return path?.startsWith("secret:") === true ? path : null;
}
