import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { afterEach, beforeEach, expect, it } from "vitest";
import { keysSource } from "../../../src/gateway/state/keys-source.ts";
import { bytesOf, FollowedSource, healthy, type SourcePorts } from "../../../src/gateway/state/source.ts";
import { seededBytes } from "../../support/seeded.ts";
import { until } from "../../support/gateway.ts";
import { mount } from "../../support/mounted-secret.ts";

const clock = { now: () => 0, monotonic: () => 0 };
const ports: SourcePorts = {
  clock,
  maxAgeMs: 1000,
  pollMs: 1000,
  onChange: () => undefined,
  cluster: null,
  log: () => undefined,
};

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcpctl-source-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it("the bytes of a file are given back once its value is made of them", async () => {
  const path = join(folder, "file");
  const text = "x".repeat(100_000);
  await writeFile(path, text);
  const taken: Uint8Array[] = [];
  const source = new FollowedSource<number>(
    {
      what: "file",
      path,
      dataKeys: [],
      maxBytes: 1_000_000,
      judge: (readings) => {
        taken.push(bytesOf(readings));
        return healthy(bytesOf(readings).length, clock);
      },
    },
    ports,
  );
  await source.ready;
  source.close();
  expect(taken.map(({ length }) => length)).toEqual([0]);
  const digest = createHash("sha256").update(text).digest("hex");
  expect(source.current).toEqual({ value: text.length, freshAt: 0, staleAt: Infinity, problem: null, digest });
});

it("entries that stay are the same objects from one reading of a keys.json to the next", async () => {
  const path = join(folder, "keys.json");
  const [first, second] = ["1", "2"].map((seed) => `dev.${Buffer.from(seededBytes(seed)(32)).toString("hex")}`);
  await writeFile(path, JSON.stringify({ [`${first}`]: "dev/a" }));
  const source = keysSource({ path, role: null }, false, ports);
  await source.ready;
  const before = source.current.value;
  await writeFile(path, JSON.stringify({ [`${second}`]: "dev/b", [`${first}`]: "dev/a" }));
  const after = await until(
    () => source.current.value,
    (value) => value?.length === 2,
  );
  source.close();
  expect([before?.length, after?.[1] === before?.[0]]).toEqual([1, true]);
});

it.each([null, "dev"])(
  "the list of a mounted Secret (role: %s) stays the same one when only its time is new",
  async (role) => {
    let changes = 0;
    const file = `{"dev.${"a".repeat(64)}":"dev/a"}`;
    const render = (second: number): Promise<void> =>
      mount(folder, `..${second}`, { "keys.json": file, synced: `1970-01-01T00:00:0${second}Z` });
    await render(1);
    const source = keysSource({ path: folder, role }, false, { ...ports, onChange: () => (changes += 1) });
    await source.ready;
    const before = source.current.value;
    await render(2);
    await until(
      () => changes,
      (count) => count === 2,
    );
    source.close();
    expect([before?.length, source.current.value === before]).toEqual([1, true]);
  },
);
