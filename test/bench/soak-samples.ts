import { readdir } from "node:fs/promises";
import { metric } from "./audited.ts";
import { residentMb } from "./cpu-time.ts";
import type { StartedGateway } from "./servers.ts";
import { quantile, slope } from "./statistics.ts";

interface Sample {
  readonly minutes: number;
  readonly residentMb: number;
  /** Null where the admin listener does not tell. */
  readonly heapMb: number | null;
  readonly descriptors: number;
  readonly streams: number | null;
}

const HEAP_METRICS = ["mcpctl_heap_used_bytes", "nodejs_heap_size_used_bytes"];
const MIB = 1024 * 1024;

/** What a process takes over time; prints a line each minute. */
export class SoakSamples {
  readonly #gateway: StartedGateway;
  readonly #start = performance.now();
  readonly #samples: Sample[] = [];
  #times: number[] = [];
  #printedMinutes = 0;

  constructor(gateway: StartedGateway) {
    this.#gateway = gateway;
  }

  /** Notes the microseconds of one call. */
  time(us: number): void {
    this.#times.push(us);
  }

  async take(): Promise<void> {
    const { pid } = this.#gateway;
    this.#samples.push({
      minutes: this.#minutes,
      residentMb: await residentMb(pid),
      heapMb: await this.#heapMb(),
      descriptors: (await readdir(`/proc/${pid}/fd`)).length,
      streams: await metric(this.#gateway, "mcpctl_open_streams"),
    });
    if (this.#minutes < this.#printedMinutes + 1) return;
    this.#printedMinutes = Math.floor(this.#minutes);
    this.#print();
  }

  /** The trend of what was sampled after the warm-up. */
  report(warmUpMinutes: number): void {
    this.#print();
    const later = this.#samples.filter(({ minutes }) => minutes >= warmUpMinutes);
    const trend = (what: (sample: Sample) => number): string =>
      slope(later.map((sample) => [sample.minutes, what(sample)])).toFixed(2);
    const resident = later.map((sample) => sample.residentMb);
    const [least, most] = [Math.min(...resident), Math.max(...resident)].map((value) => value.toFixed(0));
    const heap = later.some(({ heapMb }) => heapMb === null) ? "not told" : `${trend(({ heapMb }) => heapMb ?? 0)} MB`;
    process.stdout.write(
      `  after the first ${warmUpMinutes} minutes, each minute: RSS ${trend((sample) => sample.residentMb)} MB (${least} to ${most} MB), heap ${heap}, descriptors ${trend(({ descriptors }) => descriptors)}\n`,
    );
  }

  get #minutes(): number {
    return (performance.now() - this.#start) / 60_000;
  }

  async #heapMb(): Promise<number | null> {
    for (const name of HEAP_METRICS) {
      const bytes = await metric(this.#gateway, name);
      if (bytes !== null) return bytes / MIB;
    }
    return null;
  }

  #print(): void {
    const last = this.#samples.at(-1);
    if (last === undefined || this.#times.length === 0) return;
    const [p50, p99] = [quantile(this.#times, 0.5), quantile(this.#times, 0.99)].map((us) => (us / 1000).toFixed(1));
    const heap = last.heapMb === null ? "" : `, heap ${last.heapMb.toFixed(0)} MB`;
    process.stdout.write(
      `  ${last.minutes.toFixed(1).padStart(5)} min: ${this.#times.length} calls, p50 ${p50} ms, p99 ${p99} ms; ${last.residentMb.toFixed(0)} MB RSS${heap}, ${last.descriptors} descriptors, ${last.streams} streams\n`,
    );
    this.#times = [];
  }
}
