import { writeFile } from "node:fs/promises";
import { it } from "vitest";
import { startMcpStage } from "./support/mcp-stage.ts";
import { callsOf } from "./support/mcp-calls.ts";
import { ACCOUNTS } from "./support/mcp-accounts.ts";

it("explores", async () => {
  const stage = await startMcpStage();
  const rows: unknown[] = [];
  const t = performance.now();
  try {
  await Promise.all(Object.keys(ACCOUNTS).map(async (account) => {
    for (const call of callsOf(account, stage.chart)) {
      const promised = await stage.promised(account, call).catch(String);
      const happened = await stage.call(account, call).catch(String);
      rows.push({ account, ...call, promised, happened });
    }
  }));
  console.log(performance.now() - t);
  } finally {
  await writeFile("/tmp/kms-scratch/rows.json", JSON.stringify(rows, null, 1));
  await stage.stop();
  }
}, 300_000);
