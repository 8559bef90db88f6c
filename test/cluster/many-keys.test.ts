import { afterAll, beforeAll, expect, it } from "vitest";
import { plantKeys } from "./support/planted-keys.ts";
import { startStage, type Stage } from "./support/stage.ts";

const KEYS = 1_000;
/** A page of SSM holds ten entries; the rest is who asks, and a second look where there is drift. */
const MOST_STORE_CALLS = KEYS / 10 + 10;
const MOST_API_CALLS = 80;

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
  await plantKeys(stage.moto.url, KEYS);
}, 240_000);
afterAll(() => stage.stop());

it("1,000 keys are synced and shown with a bounded number of calls", async () => {
  const sync = await stage.mcpctl("sync");
  expect({ code: sync.code, err: sync.err }).toEqual({
    code: 0,
    err: expect.stringMatching(/\d+ calls of the API server, \d+ of AWS\./),
  });
  const [, api = "", store = ""] = /(\d+) calls of the API server, (\d+) of AWS\./.exec(sync.err) ?? [];
  expect({ api: Number(api) <= MOST_API_CALLS, store: Number(store) <= MOST_STORE_CALLS, calls: [api, store] }).toEqual(
    {
      api: true,
      store: true,
      calls: [api, store],
    },
  );

  const status = await stage.mcpctl("status", "-o", "json");
  const data = JSON.parse(status.out) as { calls: { kubernetes: number; store: number }; store: { entries: number } };
  expect({ code: status.code, entries: data.store.entries, ...data.calls }).toEqual({
    code: 0,
    entries: KEYS,
    kubernetes: expect.any(Number),
    store: expect.any(Number),
  });
  expect(data.calls.kubernetes).toBeLessThanOrEqual(10);
  expect(data.calls.store).toBeLessThanOrEqual(MOST_STORE_CALLS);
}, 120_000);
