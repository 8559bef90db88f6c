import { describe, expect, it } from "vitest";
import { request as httpRequest } from "node:http";
import { until } from "../../support/gateway.ts";
import { HeldStream, openStream, readBytes, startRawPair, STREAM_ASKS } from "../../support/mcp-fixture/raw-pair.ts";

const PART = ": still here\n\n";

describe("a client that leaves", () => {
  it.each(STREAM_ASKS)("takes the backend's connection along: $ask", async (ask) => {
    const held = new HeldStream();
    const stream = await openStream(await startRawPair(held.answer), ask);
    await held.send(PART);
    await readBytes(stream, PART.length);
    stream.destroy();
    await expect(held.closed).resolves.toBeUndefined();
  });

  it.each(STREAM_ASKS)("takes it along before anything was answered: $ask", async ({ method, body }) => {
    const left = Promise.withResolvers<void>();
    const { gateway, headers, received } = await startRawPair((_got, response) => {
      response.on("close", () => left.resolve());
    });
    const request = httpRequest(`${gateway.url}/mcp/eks-ro/mcp`, { method, agent: false });
    for (let at = 0; at < headers.length; at += 2) request.setHeader(headers[at] ?? "", headers[at + 1] ?? "");
    // The client's own leaving is an error to its request.
    request.on("error", () => {});
    request.end(body ?? undefined);
    await until(
      () => received().length,
      (count) => count === 1,
    );
    request.destroy();
    await expect(left.promise).resolves.toBeUndefined();
  });

  it("leaves the other streams of its session alone", async () => {
    const streams = [new HeldStream(), new HeldStream()] as const;
    const pair = await startRawPair((got, response) => streams[got.method === "GET" ? 1 : 0].answer(got, response));
    const call = await openStream(pair, STREAM_ASKS[0]);
    const other = await openStream(pair, STREAM_ASKS[1]);
    call.destroy();
    await streams[0].closed;
    await streams[1].send(PART);
    expect(String(await readBytes(other, PART.length))).toBe(PART);
  });
});

describe("a backend that leaves", () => {
  it.each(STREAM_ASKS)("ends the client's stream as it ended its own: $ask", async (ask) => {
    const held = new HeldStream();
    const stream = await openStream(await startRawPair(held.answer), ask);
    await held.send(PART);
    await held.end();
    expect(String(await readBytes(stream, PART.length))).toBe(PART);
    await expect(readBytes(stream, 1)).rejects.toThrow("ended after 0 of 1 bytes");
    expect(stream.complete).toBe(true);
  });

  it.each(STREAM_ASKS)("breaks the client's stream when its own breaks: $ask", async (ask) => {
    const held = new HeldStream();
    const stream = await openStream(await startRawPair(held.answer), ask);
    await held.send(PART);
    await readBytes(stream, PART.length);
    await held.die();
    await expect(readBytes(stream, 1)).rejects.toThrow("aborted");
    expect(stream.complete).toBe(false);
  });
});
