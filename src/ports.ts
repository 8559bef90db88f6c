import { dirname, join, relative, resolve } from "node:path";
import type { ChalkInstance } from "chalk";
import type { Ports } from "./commands/ports.ts";
import { currentContext, type Config } from "./lib/config/config.ts";
import { AppError } from "./lib/errors.ts";
import { fileError } from "./lib/files/file-error.ts";
import type { StoreConfig } from "./lib/config/config.ts";
import type { KubeApi } from "./lib/cluster/kube-api.ts";
import type { ObjectRef } from "./lib/cluster/object-ref.ts";
import type { KeyStore } from "./lib/keys/key-store.ts";
import { printable } from "./lib/output/printable.ts";
import { osUser } from "./lib/stores/os-user.ts";
import { END_OF_INPUT, type Io } from "./io.ts";
import { progressLine } from "./progress-line.ts";
import { stdoutSink } from "./stdout-sink.ts";

/** The flags that every command has. */
export interface GlobalOptions {
  readonly config?: string;
  readonly context?: string;
}

/** The real ports; each is built when it is first asked for, so that offline commands build no client. */
export function createPorts(io: Io, globals: () => GlobalOptions, paint: ChalkInstance): Ports {
  const loadConfigOf = async (home: string | null): Promise<Config> => {
    const { loadConfig } = await import("./lib/config/load-config.ts");
    return loadConfig({
      configFlag: globals().config ?? null,
      contextFlag: globals().context ?? null,
      env: io.env,
      cwd: io.cwd,
      home,
    });
  };
  const config = once(() => loadConfigOf(io.home));
  const label = (path: string): string => {
    const short = relative(io.cwd, path);
    return short === "" || short.startsWith("..") ? path : short;
  };
  const progress = progressLine(io.stderr, io.env);
  const kube: Ports["kube"] = async (context, options = {}) => {
    const [{ connect }, { KubeApi }] = await Promise.all([
      import("./lib/cluster/connection.ts"),
      import("./lib/cluster/kube-api.ts"),
    ]);
    return new KubeApi(connect({ context, env: io.env, home: io.home }), { signal: io.signal, ...options });
  };
  const pinnedCluster = async (): Promise<KubeApi> => {
    const { openPinned } = await import("./lib/cluster/pin.ts");
    return openPinned(currentContext(await config()), kube, {
      purpose: "a Secret could lie in",
      hint: "name a file",
    });
  };
  const tell = (line: string): void => {
    progress(null);
    void io.stderr.write(`${printable(line)}\n`).catch(() => undefined);
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
    projectConfig: once(() => loadConfigOf(null)),
    store: once(async () => openStore(await config(), io, label)),
    kube,
    iam: once(async () => {
      const { store } = currentContext(await config());
      const { openIamSession } = await import("./lib/aws/iam-session.ts");
      // IAM is one for all regions of a partition, so that any of them will do.
      const isRegionNamed = Boolean(io.env["AWS_REGION"] || io.env["AWS_DEFAULT_REGION"]);
      const pin = store.type === "ssm" && !isRegionNamed ? { region: store.region } : {};
      return openIamSession(pin, { signal: io.signal, tell });
    }),
    listTools: async (url) => {
      const { listTools } = await import("./lib/mcp/list-tools.ts");
      return listTools({ url, token: io.env["MCPCTL_MCP_TOKEN"] || null, signal: io.signal });
    },
    label,
    recordReceipt: async (receipt) => {
      const { appendReceipt } = await import("./lib/stores/receipt-log.ts");
      const path = join(stateFolder(io), "admin.jsonl");
      await appendReceipt(path, receipt);
      return label(path);
    },
    confirm: (lines, question) => confirm(io, lines, question),
    ask: io.ask === null ? null : askLine(io, io.ask),
    stdoutIsTerminal: io.stdout.isTerminal,
    stdoutIsDiscarded: io.stdout.isDiscarded,
    columns: io.columns,
    journals: once(async () => {
      const { openJournals } = await import("./lib/stores/delivery-journal.ts");
      return openJournals(journalFolder(currentContext(await config()).store, io));
    }),
    sink: async (out, replaces) => {
      if (out === null) return stdoutSink(io);
      const ref = await secretRef(out);
      if (ref !== null) {
        const { secretSink } = await import("./secret-sink.ts");
        return secretSink(await pinnedCluster(), ref, out, replaces ?? null);
      }
      const { fileSink } = await import("./file-sinks.ts");
      return fileSink(resolve(io.cwd, out), label(resolve(io.cwd, out)));
    },
    holdsToken: async (path, hash) => {
      const ref = await secretRef(path);
      if (ref !== null) {
        const { secretHoldsToken } = await import("./lib/cluster/token-secret.ts");
        return secretHoldsToken(await pinnedCluster(), ref, hash);
      }
      const { fileHoldsToken } = await import("./lib/files/holds-token.ts");
      return fileHoldsToken(path, hash);
    },
    folderSink: async (folder) => {
      const { folderSink } = await import("./file-sinks.ts");
      return folderSink(resolve(io.cwd, folder), label(resolve(io.cwd, folder)));
    },
    secret: async (question) => (io.stdin === null ? ((await io.askHidden?.(printable(question))) ?? null) : null),
    stdin: () => stdinParts(io),
    print: (line) => stdoutSink(io).deliver(`${line}\n`),
    paint,
    progress,
    tell,
  };
}

/** Beside the embedded store; for a remote one in this user's state. */
function journalFolder(store: StoreConfig, io: Io): string {
  if (store.type === "file") return join(dirname(store.path), "undelivered");
  // A path may be longer than a file's name.
  const path = process.getBuiltinModule("node:crypto").hash("sha256", store.path).slice(0, 12);
  return join(stateFolder(io), "undelivered", `${store.account}-${store.region}-${path}`);
}

/** Where the system keeps the state of programs (XDG Base Directory). */
function stateFolder(io: Io): string {
  return join(io.env["XDG_STATE_HOME"] || join(io.home, ".local", "state"), "mcpctl");
}

/** The Secret that this names; null for a file. @throws AppError usage for one that is written wrongly */
async function secretRef(path: string): Promise<ObjectRef | null> {
  if (!/^(secret|configmap):/.test(path)) return null;
  const { parseObjectRef } = await import("./lib/cluster/object-ref.ts");
  const ref = parseObjectRef(path);
  if (ref?.resource === "secrets") return ref;
  throw new AppError("usage", "out_invalid", `"${path.slice(0, 80)}" names no Secret`, {
    hint: "Write secret:NAMESPACE/NAME; a file of such a name as ./secret:....",
  });
}

async function* stdinParts(io: Io): AsyncIterable<Uint8Array> {
  if (io.stdin === null)
    throw new AppError("usage", "stdin_terminal", "standard input is a terminal, and nothing is read from it here", {
      hint: "Redirect a file to it, or pipe into it.",
    });
  try {
    yield* io.stdin();
  } catch (error) {
    if (io.signal.aborted) throw new AppError("interrupted", "interrupted", "interrupted; nothing was changed");
    throw fileError(error, "standard input", "read");
  }
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
  const { beFrugal } = await import("./frugal-heap.ts");
  beFrugal();
  const { openSsmStore } = await import("./lib/stores/ssm-store.ts");
  return openSsmStore(store, {
    signal: io.signal,
    tell: (line) => void io.stderr.write(`${line}\n`).catch(() => undefined),
  });
}

async function confirm(io: Io, lines: readonly string[], question: string): Promise<void> {
  if (io.ask === null) {
    throw new AppError("usage", "confirmation_missing", "this must be confirmed, and there is no terminal to ask on", {
      hint: "Add --yes, once you are sure of what it does.",
    });
  }
  await io.stderr.write(`${lines.map(printable).join("\n")}\n`);
  const answer = await io.ask(`${printable(question)} [y/N] `);
  if (!/^\s*y(es)?\s*$/i.test(answer)) throw new AppError("usage", "declined", "declined; nothing was changed");
}

function askLine(io: Io, ask: NonNullable<Io["ask"]>): NonNullable<Ports["ask"]> {
  return async (lines, question) => {
    if (lines.length > 0) await io.stderr.write(`${lines.map(printable).join("\n")}\n`);
    const answer = await ask(printable(question));
    if (answer !== END_OF_INPUT) return answer;
    throw new AppError("usage", "declined", "declined; nothing was changed");
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
