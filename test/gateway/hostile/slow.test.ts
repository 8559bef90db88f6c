import { afterEach, describe, expect, it } from "vitest";
import type { GatewayLimits } from "../../../src/lib/gateway-limits.ts";
import { startTestGateway, toolCall, until, type TestGateway } from "../../support/gateway.ts";
import { startRawBackend, type Backend, type Received } from "../../support/mcp-backend.ts";
import { ANSWER, endings, observe } from "./observed.ts";
import { exchange, headOf, openWire, postOf, statusesIn, type Wire } from "./wire.ts";

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

interface Running {
  readonly gateway: TestGateway;
  readonly backend: Backend & { readonly received: Received[] };
}

async function start(limits: Partial<GatewayLimits> = {}): Promise<Running> {
  const backend = await startRawBackend(ANSWER);
  closing.push(backend.close);
  const gateway = await startTestGateway({ "eks-ro": backend.url }, {}, { limits });
  closing.push(gateway.close);
  return { gateway, backend };
}

const CALL = toolCall("t");

/** Sends this letter again and again, until the gateway has enough of it. */
async function drip(wire: Wire, letter = " "): Promise<string> {
  const timer = setInterval(() => wire.socket.write(letter), 2);
  const text = await wire.closed;
  clearInterval(timer);
  return text;
}

describe("headers that do not come", () => {
  it.each([
    { what: "after the method", bytes: "POST", letter: " " },
    { what: "after a line", bytes: "POST /mcp/eks-ro/mcp HTTP/1.1\r\nHost: localhost\r\n", letter: "x" },
    { what: "after half a header", bytes: "POST /mcp/eks-ro/mcp HTTP/1.1\r\nHost: localhost\r\nX-A: ", letter: "x" },
  ])("$what are answered 408 and recorded once, however often a letter comes", async ({ bytes, letter }) => {
    const { gateway, backend } = await start({ headersTimeoutMs: 50, bodyTimeoutMs: 60 });
    let text = "";
    const seen = await observe(gateway, backend.received, async () => {
      text = await drip(openWire(gateway.url, bytes), letter);
    });
    expect([statusesIn(text), endings(seen.records), seen.reached]).toEqual([[408], ["body_timeout 408"], []]);
  });
});

describe("bodies that do not come", () => {
  it.each([
    { what: "of a known length", lines: ["Content-Length: 1000000"], first: "{" },
    { what: "in chunks", lines: ["Transfer-Encoding: chunked"], first: `F4240\r\n{` },
    { what: "in a chunk without a size", lines: ["Transfer-Encoding: chunked"], first: "" },
  ])("$what are answered 408 and recorded once", async ({ lines, first }) => {
    const { gateway, backend } = await start({ bodyTimeoutMs: 50 });
    let text = "";
    const seen = await observe(gateway, backend.received, async () => {
      const wire = openWire(gateway.url, headOf(gateway.key, lines) + first);
      await until(wire.text, (got) => got !== "");
      wire.socket.destroy();
      text = await wire.closed;
    });
    expect([statusesIn(text), endings(seen.records), seen.reached]).toEqual([[408], ["body_timeout 408"], []]);
  });

  it("are not waited for longer because a letter comes now and then", async () => {
    const { gateway, backend } = await start({ bodyTimeoutMs: 50 });
    let text = "";
    const seen = await observe(gateway, backend.received, async () => {
      text = await drip(openWire(gateway.url, headOf(gateway.key, ["Content-Length: 4000000"])));
    });
    expect([statusesIn(text), endings(seen.records), seen.reached]).toEqual([[408], ["body_timeout 408"], []]);
  });

  it("are not read for long from a client without a key", async () => {
    const { gateway, backend } = await start();
    const head = "POST /mcp/eks-ro/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000000\r\n\r\n";
    let text = "";
    const seen = await observe(gateway, backend.received, async () => (text = await drip(openWire(gateway.url, head))));
    expect([statusesIn(text), endings(seen.records), seen.reached]).toEqual([[401], ["key_missing 401"], []]);
  });
});

describe("a client that ends its side", () => {
  // The end of what a client sends is how its leaving is seen: nobody may be there to read the answer.
  it("after its request has left, though the backend may have begun", async () => {
    const { gateway, backend } = await start();
    let text = "";
    const seen = await observe(gateway, backend.received, async () => {
      const wire = openWire(gateway.url, postOf(gateway.key, CALL, []));
      wire.socket.end();
      text = await wire.closed;
    });
    expect([statusesIn(text), endings(seen.records), seen.reached.length]).toEqual([[], ["client_gone null"], 1]);
  });

  it("in the middle of a body that waits behind another call lets go of the connection", async () => {
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    const backend = await startRawBackend((got, response) => void answered.then(() => ANSWER(got, response)));
    closing.push(backend.close);
    const gateway = await startTestGateway({ "eks-ro": backend.url });
    closing.push(gateway.close);
    const call = postOf(gateway.key, CALL, []);
    const wire = openWire(gateway.url, call + call.slice(0, -5));
    await until(
      () => backend.received.length,
      (count) => count === 1,
    );
    wire.socket.end();
    await wire.closed;
    answer();
    expect(endings(await gateway.waitForRecords(2))).toEqual(["client_gone null", "client_gone null"]);
  });

  it("after three requests at once has left, and each is recorded", async () => {
    const { gateway, backend } = await start();
    let text = "";
    const seen = await observe(gateway, backend.received, async () => {
      const wire = openWire(gateway.url, postOf(gateway.key, CALL, []).repeat(3));
      wire.socket.end();
      text = await wire.closed;
    });
    expect([statusesIn(text), seen.records.length, seen.reached.length]).toEqual([[], 3, 3]);
  });

  it.each([
    { what: "a body of known length", lines: [`Content-Length: ${CALL.length}`], first: CALL.slice(0, -1) },
    {
      what: "a body in chunks",
      lines: ["Transfer-Encoding: chunked"],
      first: `${CALL.length.toString(16)}\r\n${CALL}\r\n`,
    },
  ])("within $what is recorded once, and nothing is forwarded", async ({ lines, first }) => {
    const { gateway, backend } = await start();
    const seen = await observe(gateway, backend.received, async () => {
      const wire = openWire(gateway.url, headOf(gateway.key, lines) + first);
      wire.socket.end();
      await wire.closed;
    });
    expect([seen.records.length, seen.reached]).toEqual([1, []]);
    // It left, or its request is malformed: both are true.
    expect(["client_gone", "http_malformed"]).toContain(seen.records[0]?.reason);
  });

  it("before its first letter leaves no record, and no connection", async () => {
    const { gateway, backend } = await start();
    const seen = await observe(gateway, backend.received, async () => {
      const wire = openWire(gateway.url);
      wire.socket.end();
      expect(await wire.closed).toBe("");
    });
    expect(seen).toEqual({ records: [], reached: [] });
    expect(statusesIn(await exchange(gateway.url, postOf(gateway.key, CALL)))).toEqual([200]);
  });
});
