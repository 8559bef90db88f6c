import { join } from "node:path";
import { auditedRequests } from "./audited.ts";
import type { Kind, Target } from "./calls.ts";
import { writeProject } from "./project.ts";
import type { BenchServers, Started, StartedGateway } from "./servers.ts";

/** One way to the backend. */
export interface Arm {
  readonly target: Target;
  readonly pid: number;
}

/** All ways to one backend with one set of keys, in the order in which they are told of. */
export interface Arms {
  readonly all: readonly Arm[];
  readonly tokens: readonly string[];
  /** Ends the gateway and compares its audit log. @throws when it does not hold this many requests */
  readonly settle: (requests: number) => Promise<string>;
}

/** Servers that know no keys, shared by all sets of arms. */
export interface Plain {
  readonly backend: Started;
  readonly bare: Started;
}

/** The limits of each key are kept, and counted, but lie where no load of ours comes. */
const LIMITS = ["--max-rate", "1000000", "--max-calls-per-key", "100000", "--max-streams-per-key", "100000"];

export async function startPlain(servers: BenchServers): Promise<Plain> {
  const backend = await servers.startScript("backend.ts");
  return { backend, bare: await servers.startScript("bare-proxy.ts", backend.origin) };
}

export async function startArms(servers: BenchServers, { backend, bare }: Plain, keyCount: number): Promise<Arms> {
  const project = await writeProject(join(servers.folder, `keys-${keyCount}`), keyCount, backend.origin);
  const nginx = await servers.startNginx(project, backend);
  if (nginx === null)
    process.stdout.write("  nginx is not installed: no reference for CPU (Debian: apt-get install nginx)\n");
  const gateway = await servers.startGateway(project, { gateway: LIMITS });
  const all = [
    arm("direct", backend, "", []),
    ...(nginx === null ? [] : [arm("nginx", nginx, "/mcp", ["backend-denied", "unauthenticated"])]),
    arm("bare", bare, "/mcp", []),
    arm("gateway", gateway, "/mcp", ["backend-denied", "tool-denied", "unauthenticated"]),
  ];
  return { all, tokens: project.tokens, settle: (requests) => settle(gateway, requests) };
}

function arm(name: string, { pid, origin }: Started, prefix: string, refuses: readonly Kind[]): Arm {
  return { target: { name, origin, prefix, refuses }, pid };
}

async function settle(gateway: StartedGateway, requests: number): Promise<string> {
  const { records, unsampled } = await auditedRequests(gateway);
  if (records + unsampled !== requests)
    throw new Error(`${records} audit records and ${unsampled} unsampled refusals for ${requests} requests`);
  return `${records} audit records${unsampled === 0 ? "" : ` and ${unsampled} unsampled refusals`} for ${requests} requests`;
}
