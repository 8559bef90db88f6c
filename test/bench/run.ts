import { cpus } from "node:os";
import { coldStart } from "./cold-start.ts";
import { evaluator } from "./evaluator.ts";
import { gatewayCost } from "./gateway-cost.ts";

/** Prints every measurement as a ratio to a reference of the same run; no time makes it fail, only a wrong answer. */
const only = process.argv[2];
process.stdout.write(
  `${cpus().length} cores of ${cpus()[0]?.model ?? "?"}, Node ${process.versions.node}; median (least to most)\n`,
);
if (only === undefined || only === "cold-start") {
  process.stdout.write("\nCold start\n");
  await coldStart();
}
if (only === undefined || only === "evaluator") {
  process.stdout.write("\nEvaluator\n");
  await evaluator();
}
if (only === undefined || only === "gateway") {
  process.stdout.write("\nGateway: audited, authorised tools/call\n");
  await gatewayCost();
}
