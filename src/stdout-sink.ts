import type { TokenSink } from "./commands/ports.ts";
import type { Io } from "./io.ts";
import { fileError } from "./lib/files/file-error.ts";

export function stdoutSink(io: Io): TokenSink {
  return {
    label: "standard output",
    path: null,
    deliver: async (text) => {
      try {
        await io.stdout.write(text);
      } catch (error) {
        throw fileError(error, "standard output", "write");
      }
    },
    close: async () => undefined,
    discard: async () => undefined,
  };
}
