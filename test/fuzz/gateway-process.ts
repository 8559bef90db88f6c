import { join } from "node:path";
import { startGateway } from "../../src/gateway/start-gateway.ts";

/**
 * The gateway in a process of its own, so that its memory and descriptors can be seen: `node --expose-gc
 * gateway-process.ts FOLDER`. Says where it listens, one JSON line on standard output; collects garbage and tells
 * its memory whenever it reads a line; what the gateway logs goes to standard error.
 */
const MIB = 1024 * 1024;
const folder = process.argv[2] as string;
const gateway = await startGateway({
  keys: [{ path: join(folder, "keys.json"), role: null }],
  locks: join(folder, "denylist.json"),
  roles: join(folder, "roles.yaml"),
  backends: join(folder, "backends.yaml"),
  listen: { host: "127.0.0.1", port: 0 },
  admin: { host: "127.0.0.1", port: 0 },
  auditFile: join(folder, "audit.jsonl"),
  startRecords: "rw",
  redactedNames: [],
  sessionSecret: null,
  tls: null,
  trustedProxies: [],
  allowsBareHashes: false,
  allowedHosts: [],
  allowedOrigins: [],
  instance: "gw-fuzz",
  maxAgeSeconds: 900,
  version: "0.0.0-fuzz",
  // What limits keys has tests of its own; here nothing but the requests themselves may be refused.
  limits: { maxCallsPerSecond: 0, maxCallsPerKey: 0, maxStreamsPerKey: 0, maxCalls: 0, maxStreams: 0 },
  log: (line) => process.stderr.write(`${line}\n`),
});
process.stdout.write(`${JSON.stringify({ url: gateway.url, adminUrl: gateway.adminUrl })}\n`);
process.stdin.on("data", () => {
  for (let times = 0; times < 3; times += 1) globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  process.stdout.write(`${JSON.stringify({ heldMiB: (heapUsed + external) / MIB, rssMiB: rss / MIB })}\n`);
});
process.stdin.on("end", () => void gateway.drain().then(() => process.exit(0)));
