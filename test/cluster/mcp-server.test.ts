import { writeFile } from "node:fs/promises";
import { it } from "vitest";
import { startMcpStage } from "./support/mcp-stage.ts";
it("explores", async () => {
  const t = performance.now();
  const stage = await startMcpStage();
  const t1 = performance.now();
  const rows = await stage.callAll();
  console.log(t1 - t, performance.now() - t1);
  await writeFile("/tmp/kms-scratch/rows.json", JSON.stringify(rows, null, 1));
  await stage.stop();
}, 300_000);
