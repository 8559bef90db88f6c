import { fuzz } from "./fuzz.ts";

/** Throws a hundred thousand requests at a gateway, most of them broken, and exits 1 when anything went wrong. */
const requests = Number(process.env["MCPCTL_FUZZ_REQUESTS"] ?? 170_000);
const seed = Number(process.env["MCPCTL_FUZZ_SEED"] ?? 1);
const report = await fuzz({ requests, seed, maxGrowthMiB: requests < 20_000 ? null : 10 });
const { seconds, statuses, reached, books, memory, breaches } = report;
process.stdout.write(
  `${report.requests} requests in ${seconds.toFixed(0)} s, seed ${seed}: statuses ${JSON.stringify(statuses)}, ` +
    `reached ${reached}, refused ${books.counted - books.forwarded.length}, counted ${books.counted}, ` +
    `memory ${memory.map(({ heldMiB, rssMiB }) => `${heldMiB.toFixed(1)} (RSS ${rssMiB.toFixed(0)})`).join(" to ")} MiB\n`,
);
for (const breach of breaches) process.stderr.write(`${breach}\n`);
process.exitCode = breaches.length === 0 ? 0 : 1;
