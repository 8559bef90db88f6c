import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { auditedRequests, metric } from "./audited.ts";
import { residentMb } from "./cpu-time.ts";
import { replaceKeys, spreadOver, writeProject, type Project } from "./project.ts";
import { BenchServers, type Started } from "./servers.ts";
import { quantile, spread } from "./statistics.ts";
import { OpenStream } from "./stream-client.ts";
import { within } from "./within.ts";

const KEYS = 10_000;
const STREAM_KEYS = 100;
const STREAMS_PER_KEY = 10;
const REVOCATIONS = 20;
const OPENING_AT_ONCE = 50;
/** Until memory is looked at once more. */
const SETTLE_MS = 10_000;

/** What do 1,000 open streams take, do they all live, and how soon is a revoked key's stream cut? */
export async function streams(): Promise<void> {
  const servers = await BenchServers.create();
  try {
    const backend = await servers.startScript("backend.ts");
    const project = await writeProject(join(servers.folder, "project"), KEYS, backend.origin);
    const gateway = await servers.startGateway(project);
    const before = await residentMb(gateway.pid);
    const open = await openStreams(gateway.origin, project);
    const opened = await residentMb(gateway.pid);
    await delay(SETTLE_MS);
    const settled = await residentMb(gateway.pid);
    const count = open.flat().length;
    process.stdout.write(
      `  ${count} streams over ${STREAM_KEYS} of ${KEYS} keys: ${before.toFixed(0)} MB RSS before, ${opened.toFixed(0)} once open, ${settled.toFixed(0)} after ${SETTLE_MS / 1000} s; the gateway counts ${await metric(gateway, "mcpctl_open_streams")}\n`,
    );
    process.stdout.write(`  a keep-alive comment reached all ${count} in ${await beat(backend, open.flat(), 1)} ms\n`);
    await reportRevocations(project, open);
    const left = open.flat().filter(({ isOpen }) => isOpen);
    process.stdout.write(`  a second one reached the ${left.length} left in ${await beat(backend, left, 2)} ms\n`);
    const reloaded = await residentMb(gateway.pid);
    await delay(SETTLE_MS);
    process.stdout.write(
      `  ${reloaded.toFixed(0)} MB RSS after ${REVOCATIONS} reloads of ${KEYS} keys, ${(await residentMb(gateway.pid)).toFixed(0)} after ${SETTLE_MS / 1000} s\n`,
    );
    await Promise.all(left.map((stream) => stream.close()));
    const { records, unsampled } = await auditedRequests(gateway);
    if (records + unsampled !== 2 * count) throw new Error(`${records} audit records for ${2 * count} requests`);
    process.stdout.write(`  ${records} audit records for ${2 * count} requests\n`);
  } finally {
    await servers.stop();
  }
}

const keysOfStreams = ({ keys }: Project): Project["keys"] => spreadOver(keys, STREAM_KEYS);

/** The streams of each key. */
async function openStreams(origin: string, project: Project): Promise<readonly OpenStream[][]> {
  const keys = keysOfStreams(project);
  const open = keys.map((): OpenStream[] => []);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < keys.length * STREAMS_PER_KEY) {
      const at = next++ % keys.length;
      const token = keys[at]?.token.reveal() ?? "";
      open[at]?.push(await OpenStream.open(origin, token));
    }
  };
  await Promise.all(Array.from({ length: OPENING_AT_ONCE }, worker));
  return open;
}

/** Has the backend send a comment on every stream, and waits until each of these has its so-manyeth. Milliseconds. */
async function beat(backend: Started, listening: readonly OpenStream[], nth: number): Promise<string> {
  const start = performance.now();
  const reached = Number(await (await fetch(`${backend.origin}/beat`, { method: "POST" })).text());
  if (reached < listening.length) throw new Error(`the backend has ${reached} streams of ${listening.length}`);
  await Promise.all(listening.map((stream) => stream.heard(nth)));
  return (performance.now() - start).toFixed(0);
}

/** Revokes one key after another; its streams must end, all others stay. */
async function reportRevocations(project: Project, open: readonly OpenStream[][]): Promise<void> {
  const keys = keysOfStreams(project);
  const times: number[] = [];
  for (let revoked = 1; revoked <= REVOCATIONS; revoked += 1) {
    const renamedAt = await replaceKeys(project, keys.slice(0, revoked));
    const cut = open[revoked - 1]?.map(({ closed }) => closed) ?? [];
    times.push(Math.max(...(await within(Promise.all(cut), 10_000, "the end of a revoked key's streams"))) - renamedAt);
    const others = open.slice(revoked).flat();
    const lost = others.filter(({ isOpen }) => !isOpen).length;
    if (lost > 0) throw new Error(`${lost} of ${others.length} streams ended with the key of others`);
  }
  const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)].map((time) => time.toFixed(0));
  process.stdout.write(
    `  from the renamed file to the last of ${STREAMS_PER_KEY} streams cut: p50 ${p50} ms, p99 ${p99} ms, ${spread(times, 0, " ms")} over ${REVOCATIONS} revocations; no other stream ended\n`,
  );
}
