import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { BodyBudget, readBody } from "../../src/gateway/http/body.ts";

const MIB = 1024 * 1024;

/** As much of a request as `readBody` looks at. */
function incoming(): IncomingMessage {
  return Object.assign(new EventEmitter(), { complete: true }) as unknown as IncomingMessage;
}

const budgetOf = (maxTotalBytes: number): BodyBudget =>
  new BodyBudget({ maxBytes: 4 * MIB, maxTotalBytes, timeoutMs: 10_000 });

/** How much may be taken still. */
function roomIn(budget: BodyBudget): number {
  let room = 0;
  for (let step = 64 * MIB; step >= 1; step /= 2) if (budget.take(step)) room += step;
  budget.give(room);
  return room;
}

function usedMemory(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}

describe("readBody", () => {
  it("of a body in single bytes holds little more than the bytes", async () => {
    const budget = budgetOf(64 * MIB);
    const request = incoming();
    const reading = readBody(request, null, budget);
    const before = usedMemory();
    for (let at = 0; at < MIB; at += 1) request.emit("data", Buffer.alloc(1, 65 + (at % 26)));
    expect(usedMemory() - before).toBeLessThan(8 * MIB);
    request.emit("end");
    const { bytes, heldBytes } = await reading;
    expect([bytes.length, bytes.subarray(0, 3).toString(), bytes[MIB - 1]]).toEqual([
      MIB,
      "ABC",
      65 + ((MIB - 1) % 26),
    ]);
    expect(heldBytes).toBeLessThanOrEqual(2 * MIB);
    expect(roomIn(budget)).toBe(64 * MIB - heldBytes);
  });

  it.each([
    { what: "its length told", contentLength: "11", heldBytes: 11 },
    { what: "its length not told", contentLength: null, heldBytes: 12 },
  ])("of a small body with $what", async ({ contentLength, heldBytes }) => {
    const budget = budgetOf(100);
    const request = incoming();
    const reading = readBody(request, contentLength, budget);
    for (const part of ["hello ", "world"]) request.emit("data", Buffer.from(part));
    request.emit("end");
    expect(await reading).toEqual({ bytes: Buffer.from("hello world"), heldBytes });
  });

  it("does not set aside what is only claimed", async () => {
    const budget = budgetOf(64 * MIB);
    const request = incoming();
    const reading = readBody(request, String(4 * MIB), budget);
    request.emit("data", Buffer.from("{"));
    expect(roomIn(budget)).toBe(64 * MIB - 64 * 1024);
    request.emit("end");
    expect((await reading).bytes.toString()).toBe("{");
  });

  it.each([
    { what: "too large", chunks: 5, maxTotalBytes: 64 * MIB, reason: "body_too_large" },
    { what: "more than there is room for", chunks: 3, maxTotalBytes: 2 * MIB, reason: "overloaded" },
  ])("gives everything back for a body that is $what", async ({ chunks, maxTotalBytes, reason }) => {
    const budget = budgetOf(maxTotalBytes);
    const request = incoming();
    const reading = readBody(request, null, budget);
    for (let at = 0; at < chunks; at += 1) request.emit("data", Buffer.alloc(MIB));
    await expect(reading).rejects.toMatchObject({ reason });
    expect(roomIn(budget)).toBe(maxTotalBytes);
  });
});
