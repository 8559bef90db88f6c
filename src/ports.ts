import { open, unlink } from "node:fs/promises";
import { relative, resolve } from "node:path";
import type { ChalkInstance } from "chalk";
import type { Ports, TokenSink } from "./commands/ports.ts";
import { currentContext, type Config } from "./lib/config/config.ts";
import { AppError } from "./lib/errors.ts";
import { fileError, isFileErrorCode } from "./lib/files/file-error.ts";
import type { KeyStore } from "./lib/keys/key-store.ts";
import { printable } from "./lib/output/printable.ts";
import { osUser } from "./lib/stores/os-user.ts";
import type { Io } from "./io.ts";

/** The flags that every command has. */
export interface GlobalOptions {
  readonly config?: string;
  readonly context?: string;
}

/** The real ports; each is built when it is first asked for, so that offline commands build no client. */
export function createPorts(io: Io, globals: () => GlobalOptions, paint: ChalkInstance): Ports {
  const config = once(async () => {
    const { loadConfig } = await import("./lib/config/load-config.ts");
    return loadConfig({
      configFlag: globals().config ?? null,
      contextFlag: globals().context ?? null,
      env: io.env,
      cwd: io.cwd,
      home: io.home,
    });
  });
  const label = (path: string): string => {
    const short = relative(io.cwd, path);
    return short === "" || short.startsWith("..") ? path : short;
  };
  return {
    now: Date.now,
    // Loading the module costs a tenth of a short command's time, and few commands need it.
    randomBytes: (length) => process.getBuiltinModule("node:crypto").randomBytes(length),
    get author() {
      return osUser();
    },
    signal: io.signal,
    cwd: io.cwd,
    config,
    store: once(async () => openStore(await config(), io, label)),
    label,
    confirm: (lines, question) => confirm(io, lines, question),
    stdoutIsTerminal: io.stdout.isTerminal,
    stdoutIsDiscarded: io.stdout.isDiscarded,
    sink: async (out) => (out === null ? stdoutSink(io) : fileSink(resolve(io.cwd, out), label(resolve(io.cwd, out)))),
    print: (line) => stdoutSink(io).deliver(`${line}\n`),
    paint,
    tell: (line) => void io.stderr.write(`${printable(line)}\n`).catch(() => undefined),
  };
}

async function openStore(config: Config, io: Io, label: Ports["label"]): Promise<KeyStore> {
  const { store } = currentContext(config);
  if (store.type === "file") {
    const { openFileStore } = await import("./lib/stores/file-store.ts");
    return openFileStore({
      path: store.path,
      denylist: store.denylist,
      label: label(store.path),
      now: Date.now,
      signal: io.signal,
    });
  }
  const { openSsmStore } = await import("./lib/stores/ssm-store.ts");
  return openSsmStore(store, { signal: io.signal });
}

async function confirm(io: Io, lines: readonly string[], question: string): Promise<void> {
  if (io.ask === null) {
    throw new AppError("usage", "confirmation_missing", "this must be confirmed, and there is no terminal to ask on", {
      hint: "Add --yes, after --dry-run has shown what it would do.",
    });
  }
  await io.stderr.write(`${lines.map(printable).join("\n")}\n`);
  const answer = await io.ask(`${printable(question)} [y/N] `);
  if (!/^\s*y(es)?\s*$/i.test(answer)) throw new AppError("usage", "declined", "declined; nothing was changed");
}

function stdoutSink(io: Io): TokenSink {
  return {
    label: "standard output",
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

/** A new file that only its owner can read; what was written is on the disk before it counts as delivered. */
async function fileSink(path: string, label: string): Promise<TokenSink> {
  const file = await open(path, "wx", 0o600).catch((error: unknown) => {
    throw fileError(error, isFileErrorCode(error, "ENOENT") ? `the folder of ${label}` : label, "write");
  });
  return {
    label,
    deliver: async (text) => {
      try {
        await file.appendFile(text);
        await file.sync();
      } catch (error) {
        throw fileError(error, label, "write");
      }
    },
    close: () => file.close(),
    discard: async () => {
      await file.close();
      await unlink(path).catch(() => undefined);
    },
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
