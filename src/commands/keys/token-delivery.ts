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
  return ports.sink(out);
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
