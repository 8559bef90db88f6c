import { setTimeout as delay } from "node:timers/promises";
import { Pool } from "undici";
import { requestOf, type Mix, type Target } from "./calls.ts";

/** One client of one target, its connections kept; counts what it made, and ends with the first wrong answer. */
export class Load {
  readonly #target: Target;
  readonly #mix: Mix;
  readonly #connections: number;
  readonly #pool: Pool;
  #made = 0;

  constructor(target: Target, mix: Mix, connections: number) {
    if (!(connections > 0)) throw new RangeError(`${connections} connections make no calls`);
    this.#target = target;
    this.#mix = mix;
    this.#connections = connections;
    this.#pool = new Pool(target.origin, { connections, pipelining: 1 });
  }

  get made(): number {
    return this.#made;
  }

  /** One call on every connection, so that none has to be opened while time is taken. */
  async warm(): Promise<void> {
    await Promise.all(Array.from({ length: this.#connections }, () => this.call()));
  }

  /** Makes calls on all connections, one at a time on each, and gives each call's microseconds. */
  async closedLoop(calls: number): Promise<readonly number[]> {
    const times: number[] = [];
    const last = this.#made + calls;
    const worker = async (): Promise<void> => {
      while (this.#made < last) times.push(await this.call());
    };
    await Promise.all(Array.from({ length: this.#connections }, worker));
    return times;
  }

  /**
   * Makes calls at a fixed rate, whatever becomes of earlier ones, and gives each call's microseconds: from when it was
   * due to be made, waiting for a connection included. The clock is looked at each millisecond; a client that never
   * sleeps would take a core from what it measures.
   */
  async openLoop(calls: number, perSecond: number): Promise<readonly number[]> {
    const start = performance.now();
    const made: Promise<number>[] = [];
    while (made.length < calls) {
      await delay(1);
      const due = Math.min(Math.floor(((performance.now() - start) * perSecond) / 1000), calls);
      while (made.length < due) made.push(this.call());
    }
    return Promise.all(made);
  }

  /** One call, its microseconds. @throws when the answer is not the one it should be */
  async call(): Promise<number> {
    const { path, headers, body, fault } = requestOf(this.#target, this.#mix, this.#made++);
    const start = performance.now();
    const answer = await this.#pool.request({ method: "POST", path, headers, body });
    const text = await answer.body.text();
    const elapsed = (performance.now() - start) * 1000;
    const wrong = fault(answer.statusCode, text);
    if (wrong !== null) throw new Error(wrong);
    return elapsed;
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }
}
