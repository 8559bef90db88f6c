import { cpus } from "node:os";
import { canMatrix } from "./can-matrix.ts";
import { coldStart } from "./cold-start.ts";
import { clusterRevocations } from "./cluster-revocations.ts";
import { evaluator } from "./evaluator.ts";
import { gatewayCost } from "./gateway-cost.ts";
import { profile } from "./profile.ts";
import { replay, replayGigabyte } from "./replay.ts";
import { soak } from "./soak.ts";
import { ssmStore } from "./ssm-store.ts";
import { streams } from "./streams.ts";

interface Part {
  readonly title: string;
  readonly run: (option: string | undefined) => Promise<void>;
  /** Only when asked for by name. */
  readonly isExtra?: true;
}

const PARTS: Readonly<Record<string, Part>> = {
  "cold-start": { title: "Cold start", run: coldStart },
  "can-matrix": { title: "Every answer of a large project", run: canMatrix },
  evaluator: { title: "Evaluator", run: evaluator },
  gateway: { title: "Gateway: audited, authorised tools/call", run: gatewayCost },
  replay: { title: "Replay of recorded calls", run: replay },
  streams: { title: "Gateway: open streams", run: streams },
  "replay-gigabyte": { title: "Replay of a gigabyte of log", run: replayGigabyte, isExtra: true },
  ssm: { title: "Keys in SSM, on moto", run: ssmStore, isExtra: true },
  cluster: { title: "Revocations in a cluster (npm run bench:cluster)", run: clusterRevocations, isExtra: true },
  soak: { title: "Gateway: soak", run: (option) => soak(minutesOf(option ?? "10")), isExtra: true },
  profile: { title: "Gateway: profile", run: profile, isExtra: true },
};

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

/** Prints measurements, ratios to a reference of the same run where there is one; no time makes it fail, only a wrong answer. */
const [only, option] = process.argv.slice(2);
const parts = only === undefined ? Object.values(PARTS).filter(({ isExtra }) => isExtra !== true) : [PARTS[only]];
process.stdout.write(
  `${cpus().length} cores of ${cpus()[0]?.model ?? "?"}, Node ${process.versions.node}; median (least to most)\n`,
);
for (const part of parts) {
  if (part === undefined) throw new Error(`there is no "${only}", only ${Object.keys(PARTS).join(", ")}`);
  process.stdout.write(`\n${part.title}\n`);
  await part.run(option);
}

function minutesOf(text: string): number {
  const minutes = Number(text);
  if (!(minutes > 0)) throw new Error(`"${text}" is no number of minutes`);
  return minutes;
}
