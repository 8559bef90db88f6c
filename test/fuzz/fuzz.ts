import { seededNumbers } from "../support/seeded.ts";
import { until } from "../support/gateway.ts";
import { readBooks, type Books } from "./books.ts";
import { pick, type Below } from "./body-mutations.ts";
import { HonestConnection, sendHostile } from "./connections.ts";
import { startFuzzedGateway, type FuzzedGateway, type Memory } from "./fuzzed-gateway.ts";
import { mutatedRequest, type Sent } from "./requests.ts";
import { startStrictBackend, type StrictBackend } from "./strict-backend.ts";
import { faultOf, validCall } from "./valid-calls.ts";
import { mintHolders, type Holders, type Role } from "./world.ts";

export interface FuzzOptions {
  readonly requests: number;
  readonly seed: number;
  /** How much memory may grow after the first tenth; null where the run is too short to tell. */
  readonly maxGrowthMiB: number | null;
}

export interface FuzzReport {
  readonly requests: number;
  readonly seconds: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly reached: number;
  readonly books: Books;
  readonly memory: readonly [atFirst: Memory, atLast: Memory];
  readonly breaches: readonly string[];
}

const WORKERS = 32;
const MOST_AT_ONCE = 8;
/** How many faults are worth reading. */
const MAX_BREACHES = 5;

/** Sends that many requests, most of them broken on purpose, and tells of everything that should not have happened. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const run = await Run.start(options);
  try {
    return await run.all();
  } finally {
    await run.stop();
  }
}

class Run {
  readonly #options: FuzzOptions;
  readonly #holders: Holders;
  readonly #users: ReadonlyMap<string, Role>;
  readonly #breaches: string[] = [];
  readonly #statuses: Record<string, number> = {};
  /** What is under way, for those that a breach names. */
  readonly #sent = new Map<number, Sent>();
  #gateway!: FuzzedGateway;
  #backend!: StrictBackend;
  #next = 0;
  #batch = 0;

  private constructor(options: FuzzOptions) {
    this.#options = options;
    this.#holders = mintHolders();
    const known = Object.values(this.#holders).flatMap(({ user, role }) =>
      user === null ? [] : [[user, role] as const],
    );
    this.#users = new Map(known);
  }

  static async start(options: FuzzOptions): Promise<Run> {
    const run = new Run(options);
    run.#backend = await startStrictBackend({
      users: run.#users,
      onBreach: (what, number) => run.#breach(what, number),
      isSentBy: (number, user) => run.#isSentBy(number, user),
    });
    run.#gateway = await startFuzzedGateway(run.#holders, run.#backend.origin);
    return run;
  }

  async all(): Promise<FuzzReport> {
    const { requests, maxGrowthMiB } = this.#options;
    const start = performance.now();
    const descriptors = this.#gateway.descriptors();
    await this.#sendUpTo(Math.ceil(requests / 10));
    await this.#settle(descriptors);
    const atFirst = await this.#gateway.memory();
    await this.#sendUpTo(requests);
    const books = await this.#settle(descriptors);
    const atLast = await this.#gateway.memory();
    if (maxGrowthMiB !== null && atLast.heldMiB - atFirst.heldMiB > maxGrowthMiB)
      this.#breach(`memory grew from ${atFirst.heldMiB.toFixed(0)} to ${atLast.heldMiB.toFixed(0)} MiB`, null);
    this.#audit(books);
    return {
      requests: this.#next,
      seconds: (performance.now() - start) / 1000,
      statuses: this.#statuses,
      reached: this.#backend.reached().length,
      books,
      memory: [atFirst, atLast],
      breaches: this.#breaches,
    };
  }

  async stop(): Promise<void> {
    await this.#gateway.stop();
    await this.#backend.close();
  }

  async #sendUpTo(count: number): Promise<void> {
    await Promise.all(Array.from({ length: WORKERS }, () => this.#work(count)));
  }

  async #work(count: number): Promise<void> {
    let honest = new HonestConnection(this.#gateway.port);
    while (this.#next < count && this.#breaches.length < MAX_BREACHES && !this.#gateway.hasEnded()) {
      this.#batch += 1;
      const below = seededNumbers(this.#options.seed * 1_000_003 + this.#batch);
      const numbers = Array.from({ length: Math.min(howMany(below), count - this.#next) }, () => this.#next++);
      if (below(10) < 7) await this.#hostile(numbers, below);
      else await this.#honest(honest, numbers, below);
      if (this.#gateway.hasEnded()) for (const number of numbers) this.#breach("the gateway ended", number);
      for (const number of numbers) this.#sent.delete(number);
      if (below(8) > 0) continue;
      honest.close();
      honest = new HonestConnection(this.#gateway.port);
    }
    honest.close();
  }

  async #honest(connection: HonestConnection, numbers: readonly number[], below: Below): Promise<void> {
    const calls = numbers.map((number) => validCall(number, this.#holders, below));
    for (const call of calls) this.#sent.set(call.number, call);
    const answers = await Promise.allSettled(connection.ask(calls));
    for (const [at, call] of calls.entries()) {
      const answer = answers[at];
      const fault =
        answer?.status === "fulfilled" ? faultOf(call, answer.value.status, answer.value.body) : String(answer?.reason);
      if (answer?.status === "fulfilled") this.#count(answer.value.status);
      if (fault !== null) this.#breach(fault, call.number);
    }
  }

  async #hostile(numbers: readonly number[], below: Below): Promise<void> {
    const sent: Sent[] = [];
    for (const number of numbers) {
      const request = mutatedRequest(number, this.#holders, below);
      sent.push(request);
      this.#sent.set(number, request);
    }
    // What is cut would swallow what comes behind it.
    const first = sent.findIndex(({ isCut }) => isCut);
    const together = first < 0 ? [sent] : [sent.slice(0, first + 1), sent.slice(first + 1)];
    const how = { isTorn: below(2) === 0, leave: pick(below, ["end", "reset", "destroy"] as const) };
    for (const some of together.filter((each) => each.length > 0)) {
      const text = await sendHostile(this.#gateway.port, some, how);
      for (const [, status] of text.matchAll(/HTTP\/1\.1 (\d{3}) /g)) this.#count(Number(status));
      if (/HTTP\/1\.1 500 |\n {4}at /.test(text))
        this.#breach(`a fault of the gateway: ${JSON.stringify(text)}`, some[0]?.number ?? null);
    }
  }

  #isSentBy(number: number, user: string): boolean {
    const sent = this.#sent.get(number);
    return sent === undefined || sent.holders.some((name) => this.#holders[name].user === user);
  }

  #count(status: number): void {
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
  }

  #breach(what: string, number: number | null): void {
    const bytes = number === null ? undefined : this.#sent.get(number)?.bytes;
    const request = bytes === undefined ? "" : `: ${JSON.stringify(bytes.toString("latin1"))}`;
    this.#breaches.push(`seed ${this.#options.seed}, request ${number ?? "unknown"}, ${what}${request}`);
  }

  /** Waits until the gateway has written everything down and let go of everybody. */
  async #settle(descriptors: number): Promise<Books> {
    this.#backend.dropConnections();
    const open = await until(
      () => this.#gateway.descriptors(),
      (count) => count <= descriptors,
    ).catch(() => (this.#gateway.hasEnded() ? 0 : this.#gateway.descriptors()));
    if (open > descriptors) this.#breach(`${open} descriptors are open, ${descriptors} were at first`, null);
    return until(
      () => readBooks(this.#gateway),
      ({ inFlight, finals, unsampled, counted }) => inFlight === 0 && finals + unsampled === counted,
    ).catch(() => this.#lastBooks());
  }

  /** What the books say after all; a gateway that does not answer has ended. @throws Error with all that is known of it */
  async #lastBooks(): Promise<Books> {
    try {
      return await readBooks(this.#gateway);
    } catch {
      throw new Error([...this.#breaches, "the gateway ended", ...this.#gateway.complaints()].join("\n"));
    }
  }

  #audit({ finals, unsampled, counted, gap, forwarded }: Books): void {
    if (finals + unsampled !== counted)
      this.#breach(`${finals} records and ${unsampled} unsampled for ${counted} requests`, null);
    if (gap !== null) this.#breach(`the records have a gap: ${gap}`, null);
    const known = new Set(forwarded);
    if (known.size !== forwarded.length) this.#breach("a call has two final records", null);
    const lost = this.#backend.reached().filter((id) => !known.has(id));
    if (lost.length > 0) this.#breach(`${lost.length} calls reached the backend without a record: ${lost[0]}`, null);
    const complaints = this.#gateway.complaints();
    if (complaints.length > 0) this.#breach(`the gateway logged ${complaints.slice(0, 20).join("\n")}`, null);
  }
}

/** How many requests go over one connection at once: one, as often as not. */
function howMany(below: Below): number {
  return below(2) === 0 ? 1 : 1 + below(MOST_AT_ONCE);
}
