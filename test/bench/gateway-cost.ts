import { startArms, startPlain, type Arm, type Arms } from "./arms.ts";
import { BASE, VARIATIONS, type Cell } from "./cells.ts";
import { cpuTimeNs, residentMb } from "./cpu-time.ts";
import { fixedRate } from "./fixed-rate.ts";
import { Load } from "./load.ts";
import { BenchServers } from "./servers.ts";
import { median, quantile, spread } from "./statistics.ts";

const KEYS = 10_000;
/** Not told of: until then V8 is still compiling, and a gateway just started would not compare with one long at work. */
/** As many calls as the compilers of V8 need to be done with the gateway: about 25,000. */
const WARM_UP: Cell = { ...BASE, rounds: 1, calls: 40_000 };
/** Requests that the gateway under each set of arms was sent. */
type Sent = Map<Arms, number>;

/** What a call through the gateway costs, against the backend itself, nginx and a bare proxy, arms alternating in each round. */
export async function gatewayCost(only: string | undefined): Promise<void> {
  const variations = variationsNamed(only);
  const servers = await BenchServers.create();
  try {
    const plain = await startPlain(servers);
    const many = await startArms(servers, plain, KEYS);
    const sent: Sent = new Map();
    await run(many, WARM_UP, sent);
    report(BASE, await run(many, BASE, sent));
    if (only === undefined) add(sent, many, await fixedRate(many));
    for (const cell of variations) {
      const arms = cell.hasOneKey ? await startArms(servers, plain, 1) : many;
      if (arms !== many) await run(arms, WARM_UP, sent);
      report(cell, await run(arms, cell, sent));
    }
    for (const [arms, requests] of sent) process.stdout.write(`\n  ${await arms.settle(requests)}`);
    process.stdout.write("; every answer compared whole, a wrong one would have ended the bench\n");
  } finally {
    await servers.stop();
  }
}

/** All of them, or those with this in their name; the base stands alone. */
function variationsNamed(only: string | undefined): readonly Cell[] {
  if (only === "base") return [];
  const named = VARIATIONS.filter(({ name }) => name.includes(only ?? ""));
  if (named.length === 0) throw new Error(`no cell has "${only}" in its name`);
  return named;
}

/** What one arm took under one cell, one value for each round. */
interface Measured {
  readonly arm: Arm;
  readonly cpuUs: number[];
  readonly p50: number[];
  readonly p99: number[];
  readonly p999: number[];
  residentMb: number;
}

/** Every arm in every round, in another order each time. */
async function run(arms: Arms, cell: Cell, sent: Sent): Promise<readonly Measured[]> {
  const mix = { kinds: cell.kinds, bytes: cell.bytes, tokens: arms.tokens };
  const entries = arms.all.map((arm) => ({
    load: new Load(arm.target, mix, cell.concurrency),
    measured: { arm, cpuUs: [], p50: [], p99: [], p999: [], residentMb: 0 } as Measured,
  }));
  for (let round = 0; round < cell.rounds; round += 1) {
    const from = round % entries.length;
    for (const { load, measured } of [...entries.slice(from), ...entries.slice(0, from)])
      await measure(load, measured, cell.calls);
  }
  for (const { load, measured } of entries) {
    measured.residentMb = await residentMb(measured.arm.pid);
    if (measured.arm.target.name === "gateway") add(sent, arms, load.made);
    await load.close();
  }
  return entries.map(({ measured }) => measured);
}

async function measure(load: Load, { arm, cpuUs, p50, p99, p999 }: Measured, calls: number): Promise<void> {
  await load.warm();
  const before = await cpuTimeNs(arm.pid);
  const times = await load.closedLoop(calls);
  cpuUs.push(((await cpuTimeNs(arm.pid)) - before) / calls / 1000);
  p50.push(quantile(times, 0.5));
  p99.push(quantile(times, 0.99));
  p999.push(quantile(times, 0.999));
}

function report(cell: Cell, all: readonly Measured[]): void {
  process.stdout.write(`\n  ${cell.name} (${cell.rounds} rounds of ${cell.calls} calls)\n`);
  const nginx = all.find(({ arm }) => arm.target.name === "nginx");
  for (const { arm, cpuUs, p50, p99, p999, residentMb: resident } of all) {
    const ratios = nginx === undefined ? [] : cpuUs.map((time, round) => time / (nginx.cpuUs[round] as number));
    const ratio = ratios.length === 0 ? "no nginx" : `${spread(ratios, 2)} x nginx`;
    const latency = [p50, p99, p999].map((values) => median(values).toFixed(0).padStart(6)).join(" /");
    process.stdout.write(
      `    ${arm.target.name.padEnd(8)} CPU ${spread(cpuUs, 1, " us").padEnd(27)} ${ratio.padEnd(30)} p50 / p99 / p99.9 ${latency} us  ${resident.toFixed(0).padStart(4)} MB RSS\n`,
    );
  }
}

function add(sent: Sent, arms: Arms, requests: number): void {
  sent.set(arms, (sent.get(arms) ?? 0) + requests);
}
