import type { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { Exchange } from "../../src/gateway/forward.ts";
import { SYSTEM_CLOCK } from "../../src/gateway/state/clock.ts";
import type { Dispatcher } from "undici";

const FAULT = new TypeError("a fault");

/** An exchange whose client's response fails as told; `aborted` counts what the backend saw. */
function exchangeWith(response: Partial<ServerResponse>): {
  readonly exchange: Exchange;
  readonly controller: Dispatcher.DispatchController;
  readonly seen: string[];
} {
  const seen: string[] = [];
  const controller = { abort: () => seen.push("aborted") } as unknown as Dispatcher.DispatchController;
  const exchange = new Exchange({
    response: { destroy: () => seen.push("destroyed"), ...response } as unknown as ServerResponse,
    requestId: "req_1",
    message: null,
    rule: null,
    isModern: false,
    isOpenEnded: false,
    room: { takeBody: () => null },
    wrapSession: (id) => id,
    silence: { streamMs: 1000, otherMs: 1000 },
    clock: SYSTEM_CLOCK,
  });
  exchange.onRequestStart(controller);
  return { exchange, controller, seen };
}

const fails = (): never => {
  throw FAULT;
};

describe("a fault within an exchange", () => {
  it("before anything was sent ends the call alone, and is nobody else's", async () => {
    const { exchange, controller, seen } = exchangeWith({ headersSent: false, writeHead: fails });
    exchange.onResponseStart(controller, 200, { "content-type": "text/event-stream" });
    await expect(exchange.outcome).rejects.toBe(FAULT);
    expect(seen).toEqual(["aborted"]);
  });

  it("in the middle of an answer cuts it", async () => {
    const { exchange, controller, seen } = exchangeWith({ headersSent: true, write: fails });
    exchange.onResponseStart(controller, 200, { "content-type": "application/json" });
    exchange.onResponseData(controller, Buffer.from("{"));
    await expect(exchange.outcome).rejects.toBe(FAULT);
    expect(seen).toEqual(["aborted", "destroyed"]);
  });

  it("that undici meets is not taken for the backend's", async () => {
    const { exchange, controller } = exchangeWith({ headersSent: false });
    exchange.onResponseError(controller, FAULT);
    await expect(exchange.outcome).rejects.toBe(FAULT);
  });

  it("has a twin that is the backend's", async () => {
    const { exchange, controller } = exchangeWith({ headersSent: false });
    exchange.onResponseError(controller, Object.assign(new Error("x"), { code: "ECONNREFUSED" }));
    await expect(exchange.outcome).rejects.toMatchObject({ reason: "backend_unreachable" });
  });
});
