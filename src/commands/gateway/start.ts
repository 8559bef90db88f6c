import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { Option, type Command } from "commander";
import { currentContext, type Context } from "../../lib/config/config.ts";
import type { KubeApi } from "../../lib/cluster/kube-api.ts";
import { parseObjectRef, type ObjectRef } from "../../lib/cluster/object-ref.ts";
import { AppError } from "../../lib/errors.ts";
import { ensureSecretFile } from "../../lib/files/secret-file.ts";
import { isRoleName, NAME_RULES } from "../../lib/names.ts";
import { VERSION } from "../../version.ts";
import { withExamples, type Cli } from "../cli.ts";
import { readDuration } from "../duration.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { addLimitOptions, readLimits } from "./limit-options.ts";

export interface StartOptions {
  readonly keys?: readonly string[];
  readonly roleKeys?: readonly string[];
  readonly locks?: string;
  readonly roles?: string;
  readonly backends?: string;
  readonly listen: string;
  readonly admin: string;
  readonly audit?: string;
  readonly allowBareHashes?: boolean;
  readonly allowHost?: readonly string[];
  readonly allowOrigin?: readonly string[];
  readonly maxAge: string;
  readonly kubeContext?: string;
  readonly sessionSecret?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly auditStart: "rw" | "all";
  readonly redact?: readonly string[];
  readonly trustedProxy?: readonly string[];
}

export function registerStart(gateway: Command, cli: Cli, run = startGateway): void {
  const command = gateway
    .command("start")
    .summary("enforce keys, roles and locks in front of the backends")
    .description(
      "Serve /mcp/<backend>/<path> until SIGTERM or Ctrl-C, then finish the calls in flight. Audit records go to stdout.",
    )
    .option(
      "--keys <path...>",
      "keys.json, the folder of a mounted Secret, or secret:NAMESPACE/NAME; may be given several times (default: the context's store)",
    )
    .option(
      "--role-keys <role=path...>",
      "the same with the folder of one role: when it fails, only that role's keys do; may be given several times",
    )
    .option("--locks <path>", "the denylist, or configmap:NAMESPACE/NAME (default: the context's)")
    .option("--roles <path>", "the role file, or configmap:NAMESPACE/NAME (default: policy.roles)")
    .option("--backends <path>", "the backend registry, or configmap:NAMESPACE/NAME (default: policy.backends)")
    .option(
      "--kube-context <kube-context>",
      "where the objects lie (default: the cluster this runs in, or the context's kubernetes.context)",
    )
    .option("--listen <host:port>", "where agents connect", "127.0.0.1:8080")
    .option("--admin <host:port>", "where operators ask for health, metrics and state", "127.0.0.1:8081")
    .option("--audit <file>", "append audit records to a file instead of stdout")
    .addOption(
      new Option(
        "--audit-start <which>",
        "whose calls leave a record before they are forwarded, too: of rw backends, or all",
      )
        .choices(["rw", "all"])
        .default("rw"),
    )
    .option(
      "--redact <name...>",
      "arguments of this name are never written down, beside password, api_key and the like",
    )
    .option(
      "--session-secret <file>",
      "one secret for the session ids of all replicas, the previous one on a second line (default: a file beside the store)",
    )
    .option("--tls-cert <file>", "serve HTTPS with this certificate chain (PEM)")
    .option("--tls-key <file>", "its private key (PEM)")
    .option("--allow-bare-hashes", "take keys of a mounted Secret that lie in no role's folder")
    .option(
      "--allow-host <name...>",
      "a Host header to serve, beside loopback, the listen host and the context's gateway URL",
    )
    .option("--allow-origin <origin...>", "a web origin that may call")
    .option("--trusted-proxy <range...>", "a proxy in front, whose X-Forwarded-For names the client in records")
    .option("--max-age <duration>", "how old unreadable or silent files may grow before calls are refused", "15m")
    .action(async (options: StartOptions) => cli.show(await run(options, cli.ports), null));
  addLimitOptions(command);
  withExamples(
    command,
    "mcpctl gateway start",
    "mcpctl gateway start --keys secret:mcp-gateway/mcp-gateway-keys --locks configmap:mcp-gateway/mcp-gateway-denylist",
  );
}

/** Runs the gateway until it is told to stop. */
export async function startGateway(options: StartOptions, ports: Ports): Promise<Result> {
  const config = await ports.config();
  const hasKeys = options.keys !== undefined || options.roleKeys !== undefined;
  const needsStore = !hasKeys || options.locks === undefined;
  const isClear = needsStore || config.currentContext !== null || config.contexts.length === 1;
  const context = isClear ? currentContext(config) : null;
  const at = (path: string, kind: ObjectRef["resource"] | null = null): string => resolvePath(ports.cwd, path, kind);
  const allowedHosts = [
    ...(options.allowHost ?? []),
    ...(context === null ? [] : [new URL(context.gateway.url).hostname]),
  ];
  const followed = {
    keys: hasKeys
      ? readKeysPaths(options, at)
      : [{ path: storePath(context, "--keys or --role-keys").path, role: null }],
    locks: options.locks === undefined ? storePath(context, "--locks").denylist : at(options.locks, "configmaps"),
    roles: options.roles === undefined ? config.policy.roles : at(options.roles, "configmaps"),
    backends: options.backends === undefined ? config.policy.backends : at(options.backends, "configmaps"),
  };
  const gatewayOptions = {
    ...followed,
    cluster: await openCluster(followed, options.kubeContext ?? context?.kubernetes?.context ?? null, ports),
    listen: readAddress("--listen", options.listen),
    admin: readAddress("--admin", options.admin),
    auditFile: options.audit === undefined ? null : at(options.audit),
    startRecords: options.auditStart,
    redactedNames: options.redact ?? [],
    sessionSecret: await sessionSecretPath(options, needsStore ? context : null, ports),
    tls: readTls(options, at),
    limits: readLimits({ ...options }),
    allowsBareHashes: options.allowBareHashes === true,
    allowedHosts,
    allowedOrigins: options.allowOrigin ?? [],
    trustedProxies: options.trustedProxy ?? [],
    // Records are counted by each process from 1 on, so each needs a name of its own.
    instance: `${hostname().slice(0, 200)}-${randomBytes(3).toString("hex")}`,
    maxAgeSeconds: readDuration("--max-age", options.maxAge, 1),
    version: VERSION,
    log: ports.tell,
  };
  const { startGateway: start } = await import("../../gateway/start-gateway.ts");
  const running = await start(gatewayOptions);
  ports.tell(`Serving ${running.url}/mcp/<backend>/mcp; admin at ${running.adminUrl}. SIGTERM or Ctrl-C stops it.`);
  if (running.unreadiness().length > 0) {
    ports.tell("Not ready: every call is refused with 503 until the files told of above can be read.");
  }
  await untilAborted(ports.signal);
  ports.tell("Stopping: finishing the calls in flight.");
  const isRecorded = await running.drain();
  return isRecorded ? { notes: ["Stopped."] } : { notes: ["Stopped; audit records were lost, see above."], exit: 5 };
}

interface Followed {
  readonly keys: readonly { readonly path: string }[];
  readonly locks: string;
  readonly roles: string;
  readonly backends: string;
}

/** The API server, where any of it is an object of the cluster; the gateway repeats its own requests. */
async function openCluster(
  { keys, locks, roles, backends }: Followed,
  kubeContext: string | null,
  ports: Ports,
): Promise<KubeApi | null> {
  const paths = [...keys.map(({ path }) => path), locks, roles, backends];
  if (paths.every((path) => parseObjectRef(path) === null)) return null;
  return ports.kube(kubeContext, { timeoutMs: 5_000 });
}

/** An absolute path, or an object of the cluster as it is. @throws AppError usage for one of another kind, or written wrongly */
function resolvePath(cwd: string, path: string, kind: ObjectRef["resource"] | null): string {
  const ref = parseObjectRef(path);
  if (ref !== null && ref.resource === kind) return path;
  if (!/^(secret|configmap):/.test(path)) return resolve(cwd, path);
  const written = kind === null ? "a path" : `${kind === "secrets" ? "secret" : "configmap"}:NAMESPACE/NAME`;
  throw new AppError("usage", "object_invalid", `"${path.slice(0, 80)}" is not what is read here`, {
    hint: `Write ${written}; a file of such a name as ./secret:....`,
  });
}

/** Every path with the role that it is for. @throws AppError usage, invalid */
function readKeysPaths(
  { keys = [], roleKeys = [] }: StartOptions,
  at: (path: string, kind: ObjectRef["resource"]) => string,
) {
  const folders = roleKeys.map((text) => {
    const mark = text.indexOf("=");
    const role = text.slice(0, mark);
    const path = text.slice(mark + 1);
    if (mark < 0 || path === "")
      throw new AppError("usage", "role_keys_invalid", "--role-keys takes ROLE=PATH", {
        hint: "For example --role-keys dev-readonly=/run/keys/dev-readonly.",
      });
    if (!isRoleName(role))
      throw new AppError("invalid", "role_invalid", "--role-keys does not begin with a role name", {
        hint: `A role is ${NAME_RULES.role}.`,
      });
    return { path: at(path, "secrets"), role };
  });
  return [...keys.map((path) => ({ path: at(path, "secrets"), role: null })), ...folders];
}

function storePath(context: Context | null, option: string): { readonly path: string; readonly denylist: string } {
  if (context !== null && context.store.type === "file") return context.store;
  throw new AppError("usage", "option_missing", `${option} must be given`, {
    hint: `The store of context ${context?.name ?? "-"} is not a file; name the Secret and the denylist as secret:NAMESPACE/NAME and configmap:NAMESPACE/NAME, or where they are mounted.`,
  });
}

/** The file with the session secret: the one named, or one beside the embedded store, made when it is missing. */
async function sessionSecretPath(
  { sessionSecret }: StartOptions,
  context: Context | null,
  ports: Ports,
): Promise<string | null> {
  if (sessionSecret !== undefined) return resolve(ports.cwd, sessionSecret);
  if (context?.store.type === "file") {
    const path = join(dirname(context.store.path), "session-secret");
    try {
      await ensureSecretFile(path);
      return path;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      ports.tell(`No session secret could be kept: ${error.message}.`);
    }
  }
  ports.tell(
    "Sessions end with this process, and other replicas will not know them: give --session-secret to all of them.",
  );
  return null;
}

function readTls(
  { tlsCert, tlsKey }: StartOptions,
  at: (path: string) => string,
): { readonly cert: string; readonly key: string } | null {
  if (tlsCert === undefined && tlsKey === undefined) return null;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new AppError("usage", "option_missing", "--tls-cert and --tls-key belong together", {
      hint: "Give both, or neither to serve plain HTTP.",
    });
  }
  return { cert: at(tlsCert), key: at(tlsKey) };
}

function readAddress(option: string, text: string): { readonly host: string; readonly port: number } {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:\s[\]]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) {
    throw new AppError("usage", "address_invalid", `${option} "${text.slice(0, 80)}" is not HOST:PORT`, {
      hint: "For example 127.0.0.1:8080, or [::1]:8080.",
    });
  }
  return { host: (match[1] as string).replace(/^\[|\]$/g, ""), port };
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((done) => signal.addEventListener("abort", () => done(), { once: true }));
}
