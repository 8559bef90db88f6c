import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { BodyReader, type BodyRoom } from "../../src/gateway/http/body.ts";

const MIB = 1024 * 1024;

/** As much of a request as a reader looks at. */
function incoming(): IncomingMessage {
  return Object.assign(new EventEmitter(), { complete: true }) as unknown as IncomingMessage;
}

/** Room for so many bytes, and what is left of it. */
function roomOf(bytes: number): BodyRoom & { readonly left: () => number } {
  let left = bytes;
  const takeBody: BodyRoom["takeBody"] = (wanted) => {
    if (wanted > left) return "overloaded";
    left -= wanted;
    return null;
  };
  return { takeBody, left: () => left };
}

function usedMemory(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}

describe("a body", () => {
  it("in single bytes holds little more than the bytes", async () => {
    const room = roomOf(64 * MIB);
    const request = incoming();
    const reader = new BodyReader(request, null, room, 4 * MIB);
    const before = usedMemory();
    for (let at = 0; at < MIB; at += 1) request.emit("data", Buffer.alloc(1, 65 + (at % 26)));
    expect(usedMemory() - before).toBeLessThan(8 * MIB);
    request.emit("end");
    const bytes = await reader.whole;
    expect([bytes.length, bytes.subarray(0, 3).toString(), bytes[MIB - 1]]).toEqual([
      MIB,
      "ABC",
      65 + ((MIB - 1) % 26),
    ]);
    expect(room.left()).toBeGreaterThanOrEqual(62 * MIB);
  });

  it.each([
    { what: "its length told", contentLength: "11", held: 11 },
    { what: "its length not told", contentLength: null, held: 12 },
  ])("of few bytes with $what", async ({ contentLength, held }) => {
    const room = roomOf(100);
    const request = incoming();
    const reader = new BodyReader(request, contentLength, room, 4 * MIB);
    for (const part of ["hello ", "world"]) request.emit("data", Buffer.from(part));
    request.emit("end");
    expect([(await reader.whole).toString(), reader.receivedBytes, room.left()]).toEqual([
      "hello world",
      11,
      100 - held,
    ]);
  });

  it("does not set aside what is only claimed", async () => {
    const room = roomOf(64 * MIB);
    const request = incoming();
    const reader = new BodyReader(request, String(4 * MIB), room, 4 * MIB);
    request.emit("data", Buffer.from("{"));
    expect(room.left()).toBe(64 * MIB - 64 * 1024);
    request.emit("end");
    expect((await reader.whole).toString()).toBe("{");
  });

  it.each([
    { what: "too large", chunks: 5, bytes: 64 * MIB, reason: "body_too_large" },
    { what: "more than there is room for", chunks: 3, bytes: 2 * MIB, reason: "overloaded" },
  ])("that is $what is given up", async ({ chunks, bytes, reason }) => {
    const request = incoming();
    const reader = new BodyReader(request, null, roomOf(bytes), 4 * MIB);
    for (let at = 0; at < chunks; at += 1) request.emit("data", Buffer.alloc(MIB));
    await expect(reader.whole).rejects.toMatchObject({ reason });
  });
});
