import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Mix, Target } from "./calls.ts";
import { BASE, VARIATIONS, type Cell } from "./cells.ts";
import { selfTimes, type CpuProfile, type Shares } from "./cpu-profile.ts";
import { cpuTimeNs } from "./cpu-time.ts";
import { Load } from "./load.ts";
import { buildWithMaps, locator } from "./mapped-build.ts";
import { writeProject } from "./project.ts";
import { BenchServers, type StartedGateway } from "./servers.ts";

const CALLS = 60_000;
const TOP = 40;

/** Which functions, and whose, take the gateway's CPU time under the load of a cell, the base if none is named? Its own profile, mapped to the sources. */
export async function profile(name: string | undefined): Promise<void> {
  const cell = [BASE, ...VARIATIONS].find((each) => name === undefined || each.name.includes(name));
  if (cell === undefined) throw new Error(`no cell has "${name}" in its name`);
  const servers = await BenchServers.create();
  try {
    const backend = await servers.startScript("backend.ts");
    const project = await writeProject(join(servers.folder, "project"), cell.hasOneKey ? 1 : 10_000, backend.origin);
    const launcher = await buildWithMaps(join(servers.folder, "build"));
    const node = ["--cpu-prof", "--cpu-prof-interval", "500", `--cpu-prof-dir=${join(servers.folder, "profiles")}`];
    const gateway = await servers.startGateway(project, { node, launcher });
    const target: Target = {
      name: "gateway",
      origin: gateway.origin,
      prefix: "/mcp",
      refuses: ["backend-denied", "tool-denied"],
    };
    const window = await loadedWindow(gateway, target, { ...cell, tokens: project.tokens });
    await gateway.stop();
    await report(join(servers.folder, "profiles"), window);
  } finally {
    await servers.stop();
  }
}

interface Window {
  readonly fromUs: number;
  readonly toUs: number;
}

/** Warms up, then loads; the profile counts the load alone. */
async function loadedWindow(gateway: StartedGateway, target: Target, mix: Mix & Cell): Promise<Window> {
  const load = new Load(target, mix, mix.concurrency);
  await load.closedLoop(10_000);
  const [fromUs, cpu] = [monotonicUs(), await cpuTimeNs(gateway.pid)];
  await load.closedLoop(CALLS);
  const cpuPerCall = ((await cpuTimeNs(gateway.pid)) - cpu) / CALLS / 1000;
  process.stdout.write(
    `  ${CALLS} calls, ${cpuPerCall.toFixed(1)} us of CPU each, all threads, the profiler's included\n`,
  );
  return { fromUs, toUs: monotonicUs() };
}

/** The clock that V8 stamps its samples with. */
function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

async function report(folder: string, { fromUs, toUs }: Window): Promise<void> {
  const [file] = await readdir(folder);
  const recorded = JSON.parse(await readFile(join(folder, file as string), "utf8")) as CpuProfile;
  const locate = await locator(recorded.nodes.map(({ callFrame }) => callFrame.url));
  const { busyUs, functions, owners, nativeCallers } = selfTimes(recorded, fromUs, toUs, locate);
  const print = (title: string, shares: Shares): void => {
    const lines = shares.slice(0, TOP).map(([name, us]) => {
      const share = ((us * 100) / busyUs).toFixed(1).padStart(5);
      return `  ${share} %  ${(us / CALLS).toFixed(2).padStart(6)} us/call  ${name}\n`;
    });
    process.stdout.write(`\n  ${title}\n${lines.join("")}`);
  };
  // Samples are of the wall clock: on a busy machine they hold time in which another process had the core.
  print(`Self time of the main thread by owner, ${(busyUs / CALLS).toFixed(1)} us/call on the wall clock`, owners);
  print(`Top ${TOP} functions by self time`, functions);
  print("Native calls by who asked for them", nativeCallers.slice(0, 20));
}
