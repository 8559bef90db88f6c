import { AppError } from "../../lib/errors.ts";
import type { Ports, TokenSink } from "../ports.ts";
import type { TokenForm } from "./token-form.ts";

/**
 * Opens the place where tokens will go, before anything is minted.
 * @throws AppError usage off a terminal when neither form nor file was asked for.
 */
export async function openSink(
  ports: Pick<Ports, "sink" | "stdoutIsTerminal">,
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
  return ports.sink(out);
}

/** Runs `work` with the sink and takes an unused one back when it fails. */
export async function withSink<T>(sink: TokenSink, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await sink.discard();
    throw error;
  }
}
