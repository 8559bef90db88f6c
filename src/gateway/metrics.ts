import type { Reason } from "../lib/audit/reasons.ts";
import { DurationHistogram } from "./duration-histogram.ts";
import { counter, gaugeLines, headLines, labelText, type Gauge } from "./metric-lines.ts";

/** What is counted of each request. */
export interface Measured {
  readonly role: string | null;
  readonly backend: string | null;
  readonly decision: string;
  readonly reason: Reason;
  readonly status: number | null;
  readonly durationMs: number;
}

/** Roles and backends are few; should they not be, the rest is counted together. */
const MAX_SERIES = 20_000;
/** Each of these is 19 lines. */
const MAX_HISTOGRAMS = 1_000;
const DURATION = "mcpctl_request_duration_seconds";

/** One combination of labels; the series of one backend and decision share the histogram. */
interface Series {
  readonly labels: string;
  readonly histogram: DurationHistogram;
  count: number;
}

type ByStatus = Map<number | null, Series>;
type ByReason = Map<Reason, ByStatus>;
type ByDecision = Map<string, ByReason>;
type ByBackend = Map<string | null, ByDecision>;

/** Counts requests and their durations; written out in Prometheus' text format. */
export class Metrics {
  /** Nested, so that counting builds no text: this is on the path of every call. */
  readonly #byRole = new Map<string | null, ByBackend>();
  readonly #series: Series[] = [];
  readonly #histograms = new Map<string, DurationHistogram>();
  readonly #unsampled = new Map<Reason, number>();
  #rest: Series | null = null;

  count(measured: Measured): void {
    const { role, backend, decision, reason, status, durationMs } = measured;
    const series =
      this.#byRole.get(role)?.get(backend)?.get(decision)?.get(reason)?.get(status) ?? this.#newSeries(measured);
    series.count += 1;
    series.histogram.observe(durationMs / 1000);
  }

  /** A refusal that no record was written for; it is counted here beside what `count` counts. */
  unsampled(reason: Reason): void {
    this.#unsampled.set(reason, (this.#unsampled.get(reason) ?? 0) + 1);
  }

  render(gauges: readonly Gauge[]): string {
    const families = [this.#requestLines(), this.#durationLines(), this.#unsampledLines(), ...gauges.map(gaugeLines)];
    return `${families.flat().join("\n")}\n`;
  }

  #newSeries({ role, backend, decision, reason, status }: Measured): Series {
    if (this.#series.length >= MAX_SERIES) return this.#restSeries();
    const labels = { role: role ?? "", backend: backend ?? "", decision, reason, status: String(status ?? "") };
    const histogram = this.#histogramOf(backend, decision);
    const series: Series = { labels: labelText(labels), histogram, count: 0 };
    const byBackend = inside(this.#byRole, role, (): ByBackend => new Map());
    const byDecision = inside(byBackend, backend, (): ByDecision => new Map());
    const byReason = inside(byDecision, decision, (): ByReason => new Map());
    inside(byReason, reason, (): ByStatus => new Map()).set(status, series);
    this.#series.push(series);
    return series;
  }

  /** Not entered in the maps, which would grow without end. */
  #restSeries(): Series {
    if (this.#rest === null) {
      const labels = labelText({ role: "", backend: "", decision: "", reason: "", status: "other" });
      this.#rest = { labels, histogram: this.#histogramOf(null, "other"), count: 0 };
      this.#series.push(this.#rest);
    }
    return this.#rest;
  }

  #histogramOf(backend: string | null, decision: string): DurationHistogram {
    const isFull = this.#histograms.size >= MAX_HISTOGRAMS;
    const labels = labelText({ backend: backend ?? "", decision });
    const rest = labelText({ backend: "", decision: "other" });
    return inside(
      this.#histograms,
      isFull && !this.#histograms.has(labels) ? rest : labels,
      () => new DurationHistogram(),
    );
  }

  #requestLines(): readonly string[] {
    return [
      ...headLines("mcpctl_requests_total", "Requests by role, backend, decision, reason and HTTP status.", "counter"),
      ...this.#series.map(({ labels, count }) => `mcpctl_requests_total{${labels}} ${count}`),
    ];
  }

  #durationLines(): readonly string[] {
    return [
      ...headLines(DURATION, "From the request's headers to the end of its answer.", "histogram"),
      ...[...this.#histograms].flatMap(([labels, histogram]) => histogram.lines(DURATION, labels)),
    ];
  }

  #unsampledLines(): readonly string[] {
    const samples = [...this.#unsampled].map(([reason, value]) => ({ labels: { reason }, value }));
    const help =
      "Refusals that were counted and not recorded: beyond a sample of those that anyone can send, or for want of room.";
    return gaugeLines(counter("mcpctl_refusals_unsampled_total", help, samples));
  }
}

/** The value of this key, made when there is none. */
function inside<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
