import { lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";
import { Pool } from "undici";
import { backendLookup } from "../lib/mcp/backend-lookup.ts";

export interface PoolLimits {
  /** How long a backend may take to begin its answer; a slow tool answers late. */
  readonly answerTimeoutMs: number;
  readonly connectTimeoutMs: number;
}

/**
 * One pool of kept-alive connections for each backend's origin. No redirect is followed, nothing is retried, and no
 * name leads to a metadata or link-local address, whatever it resolves to.
 */
export class Pools {
  readonly #limits: PoolLimits;
  readonly #lookup: LookupFunction;
  readonly #pools = new Map<string, Pool>();

  constructor(limits: PoolLimits, lookup: LookupFunction = systemLookup) {
    this.#limits = limits;
    this.#lookup = backendLookup(lookup);
  }

  /** The pool for calls to this address, and the path within it. */
  at(endpoint: string): { readonly pool: Pool; readonly path: string } {
    const origin = originOf(endpoint);
    let pool = this.#pools.get(origin);
    if (pool === undefined) {
      pool = new Pool(origin, {
        allowH2: false,
        connect: { timeout: this.#limits.connectTimeoutMs, lookup: this.#lookup },
        headersTimeout: this.#limits.answerTimeoutMs,
        // Which silence is too long depends on the answer; the exchange watches it.
        bodyTimeout: 0,
      });
      this.#pools.set(origin, pool);
    }
    return { pool, path: endpoint.slice(origin.length) };
  }

  /** Lets go of connections to addresses that are not among these; calls under way finish. */
  keep(endpoints: readonly string[]): void {
    const origins = new Set(endpoints.map((endpoint) => originOf(endpoint)));
    for (const [origin, pool] of this.#pools) {
      if (origins.has(origin)) continue;
      this.#pools.delete(origin);
      pool.close().catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
  }
}

/** Faster than a URL for each call; the registry has checked it. */
function originOf(endpoint: string): string {
  return endpoint.slice(0, endpoint.indexOf("/", endpoint.indexOf("//") + 2));
}
