import type { LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import type { Dispatcher } from "undici";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { backendLookup } from "../../../src/lib/mcp/backend-lookup.ts";
import { Pools } from "../../../src/gateway/pools.ts";
import { startRawBackend, type Backend } from "../../support/mcp-backend.ts";

const v4 = (address: string): LookupAddress => ({ address, family: 4 });
const v6 = (address: string): LookupAddress => ({ address, family: 6 });

const FORBIDDEN: readonly [what: string, addresses: readonly LookupAddress[]][] = [
  ["the metadata service", [v4("169.254.169.254")]],
  ["it in IPv6", [v6("fd00:ec2::254")]],
  ["it inside IPv6", [v6("::ffff:169.254.169.254")]],
  ["it behind a translation", [v6("64:ff9b::a9fe:a9fe")]],
  ["link-local", [v6("fe80::1%eth0")]],
  ["unspecified", [v4("0.0.0.0")]],
  ["it, second of two", [v4("127.0.0.1"), v4("169.254.169.254")]],
  ["it, last of three", [v6("::1"), v4("127.0.0.1"), v6("fd20:ce::254")]],
];

/** A name service of one answer, in node's form. */
const answering =
  (addresses: readonly LookupAddress[]): LookupFunction =>
  (_hostname, options, callback) => {
    if (options.all === true) callback(null, [...addresses]);
    else callback(null, addresses[0]?.address ?? "", addresses[0]?.family);
  };

/** What a lookup calls back with. */
const asked = (lookup: LookupFunction, hostname: string, all: boolean): unknown[] => {
  const got: unknown[] = [];
  lookup(hostname, { all }, (error, ...answer) => got.push(error === null ? answer : { code: error.code }));
  return got;
};

describe("a backend's name", () => {
  it.each(FORBIDDEN)("that resolves to %s is refused, however many addresses are asked for", (_what, addresses) => {
    const lookup = backendLookup(answering(addresses));
    expect([asked(lookup, "backend.example", true), asked(lookup, "backend.example", false)]).toEqual([
      [{ code: "BACKEND_FORBIDDEN" }],
      [{ code: "BACKEND_FORBIDDEN" }],
    ]);
  });

  it("that resolves to ordinary addresses and loopback is resolved to them", () => {
    const addresses = [v6("::1"), v4("10.1.2.3")];
    const lookup = backendLookup(answering(addresses));
    expect([asked(lookup, "backend.example", true), asked(lookup, "backend.example", false)]).toEqual([
      [[addresses]],
      [["::1", 6]],
    ]);
  });

  it("that is a metadata service's is refused, wherever it leads", () => {
    expect(asked(backendLookup(answering([v4("10.1.2.3")])), "Metadata.google.internal.", true)).toEqual([
      { code: "BACKEND_FORBIDDEN" },
    ]);
  });

  it("is judged by the one address that some lookups answer with", () => {
    const one = (address: string): LookupFunction =>
      backendLookup((_hostname, _options, callback) => callback(null, address, 4));
    expect([asked(one("169.254.169.254"), "b", true), asked(one("10.1.2.3"), "b", true)]).toEqual([
      [{ code: "BACKEND_FORBIDDEN" }],
      [[[v4("10.1.2.3")]]],
    ]);
  });

  it("that has no address, or cannot be resolved, fails as such", () => {
    const failing: LookupFunction = (_hostname, _options, callback) =>
      callback(Object.assign(new Error("x"), { code: "EAI_AGAIN" }), []);
    expect([asked(backendLookup(answering([])), "b", true), asked(backendLookup(failing), "b", false)]).toEqual([
      [{ code: "ENOTFOUND" }],
      [{ code: "EAI_AGAIN" }],
    ]);
  });
});

let backend: Backend;
let port: string;
let received = 0;

beforeAll(async () => {
  backend = await startRawBackend((_got, response) => {
    received += 1;
    response.writeHead(200, { connection: "close" }).end("ok");
  });
  ({ port } = new URL(backend.url));
});

beforeEach(() => {
  received = 0;
});

afterAll(() => backend.close());

/** The status of one call through the pools, or the code of what went wrong. */
async function call(pools: Pools, endpoint: string): Promise<number | string> {
  const { pool, path } = pools.at(endpoint);
  const { promise, resolve } = Promise.withResolvers<number | string>();
  let status = 0;
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart: () => undefined,
    onResponseStart: (_controller, code) => void (status = code),
    onResponseData: () => undefined,
    onResponseEnd: () => resolve(status),
    onResponseError: (_controller, error) => resolve("code" in error ? String(error.code) : error.message),
  };
  pool.dispatch({ path, method: "GET" }, handler);
  return promise;
}

describe("a call", () => {
  const limits = { answerTimeoutMs: 10_000, connectTimeoutMs: 10_000 };

  it.each(FORBIDDEN)("to a name that leads to %s fails before any connection", async (_what, addresses) => {
    const pools = new Pools(limits, answering(addresses));
    expect(await call(pools, `http://backend.example:${port}/mcp`)).toBe("BACKEND_FORBIDDEN");
    await pools.close();
    expect(received).toBe(0);
  });

  it("over TLS is refused likewise", async () => {
    const pools = new Pools(limits, answering([v4("127.0.0.1"), v4("169.254.169.254")]));
    expect(await call(pools, `https://backend.example:${port}/mcp`)).toBe("BACKEND_FORBIDDEN");
    await pools.close();
  });

  it("is refused as soon as its name leads elsewhere, and served again when it leads back", async () => {
    let addresses = [v4("127.0.0.1")];
    const pools = new Pools(limits, (hostname, options, callback) => answering(addresses)(hostname, options, callback));
    const endpoint = `http://backend.example:${port}/mcp`;
    const before = await call(pools, endpoint);
    addresses = [v4("127.0.0.1"), v4("169.254.169.254")];
    const rebound = await call(pools, endpoint);
    addresses = [v4("127.0.0.1")];
    expect([before, rebound, await call(pools, endpoint), received]).toEqual([200, "BACKEND_FORBIDDEN", 200, 2]);
    await pools.close();
  });

  it("to loopback, by address and by a name of the system, is served", async () => {
    const pools = new Pools(limits);
    expect([await call(pools, `${backend.url}/mcp`), await call(pools, `http://localhost:${port}/mcp`)]).toEqual([
      200, 200,
    ]);
    await pools.close();
  });
});
