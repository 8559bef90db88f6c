import type { Arms } from "./arms.ts";
import { Load } from "./load.ts";
import { median, quantile, spread } from "./statistics.ts";

const PER_SECOND = 1_000;
const SLICES = 21;
const SLICE_CALLS = 1_000;
const CONNECTIONS = 64;
const SHARES = [
  ["p50", 0.5],
  ["p99", 0.99],
  ["p99.9", 0.999],
] as const;

/**
 * Which latency does each arm add at 1,000 calls a second? Slices of a second alternate and the median slice counts, so
 * that a noisy second does not decide. Gives how many requests the gateway was sent.
 */
export async function fixedRate({ all, tokens }: Arms): Promise<number> {
  const mix = { kinds: ["call"], bytes: 1024, tokens } as const;
  const entries = all.map(({ target }) => ({
    name: target.name,
    load: new Load(target, mix, CONNECTIONS),
    slices: [] as (readonly number[])[],
  }));
  for (let slice = 0; slice < SLICES; slice += 1) {
    for (const { load, slices } of entries) {
      await load.warm();
      const times = await load.openLoop(SLICE_CALLS, PER_SECOND);
      slices.push(SHARES.map(([, share]) => quantile(times, share)));
    }
  }
  await Promise.all(entries.map(({ load }) => load.close()));
  report(entries);
  return entries.find(({ name }) => name === "gateway")?.load.made ?? 0;
}

function report(entries: readonly { readonly name: string; readonly slices: readonly (readonly number[])[] }[]): void {
  process.stdout.write(
    `\n  1,000 calls/s, open loop, median of ${SLICES} slices of ${SLICE_CALLS} calls; added to direct\n`,
  );
  const direct = entries[0]?.slices ?? [];
  for (const { name, slices } of entries) {
    const parts = SHARES.map(([label], index) => {
      const values = slices.map((slice) => slice[index] as number);
      const added = values.map((value, slice) => value - (direct[slice]?.[index] as number));
      return `${label} ${median(values).toFixed(0)} us${name === "direct" ? "" : `, added ${spread(added, 0)}`}`;
    });
    process.stdout.write(`    ${name.padEnd(8)} ${parts.join("   ")}\n`);
  }
}
