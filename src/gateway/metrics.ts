import type { Reason } from "../lib/audit/reasons.ts";

/** What is counted of each request. */
export interface Measured {
  readonly role: string | null;
  readonly backend: string | null;
  readonly decision: string;
  readonly reason: Reason;
  readonly status: number | null;
  readonly durationMs: number;
}

export interface Gauge {
  readonly name: string;
  readonly help: string;
  readonly type: "gauge" | "counter";
  readonly samples: readonly { readonly labels?: Readonly<Record<string, string>>; readonly value: number }[];
}

const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;
/** Roles and backends are few; should they not be, the rest is counted together. */
const MAX_SERIES = 20_000;

/** Counts requests and their durations; written out in Prometheus' text format. */
export class Metrics {
  readonly #requests = new Map<string, number>();
  readonly #buckets: number[] = BUCKETS_SECONDS.map(() => 0);
  #durationSum = 0;
  #durationCount = 0;

  count(measured: Measured): void {
    const labels = `role="${measured.role ?? ""}",backend="${measured.backend ?? ""}",decision="${measured.decision}",reason="${measured.reason}",status="${measured.status ?? ""}"`;
    const series =
      this.#requests.has(labels) || this.#requests.size < MAX_SERIES
        ? labels
        : 'role="",backend="",decision="",reason="",status="other"';
    this.#requests.set(series, (this.#requests.get(series) ?? 0) + 1);
    const seconds = measured.durationMs / 1000;
    this.#durationSum += seconds;
    this.#durationCount += 1;
    const bucket = BUCKETS_SECONDS.findIndex((bound) => seconds <= bound);
    if (bucket >= 0) this.#buckets[bucket] = (this.#buckets[bucket] as number) + 1;
  }

  render(gauges: readonly Gauge[]): string {
    return [...this.#requestLines(), ...this.#durationLines(), ...gauges.flatMap(gaugeLines), ""].join("\n");
  }

  #requestLines(): string[] {
    const lines = [...this.#requests].map(([labels, count]) => `mcpctl_requests_total{${labels}} ${count}`);
    return [
      "# HELP mcpctl_requests_total Requests by role, backend, decision, reason and HTTP status.",
      "# TYPE mcpctl_requests_total counter",
      ...lines,
    ];
  }

  #durationLines(): string[] {
    let below = 0;
    const buckets = BUCKETS_SECONDS.map(
      (bound, index) =>
        `mcpctl_request_duration_seconds_bucket{le="${bound}"} ${(below += this.#buckets[index] as number)}`,
    );
    return [
      "# HELP mcpctl_request_duration_seconds From the request's headers to the end of its answer.",
      "# TYPE mcpctl_request_duration_seconds histogram",
      ...buckets,
      `mcpctl_request_duration_seconds_bucket{le="+Inf"} ${this.#durationCount}`,
      `mcpctl_request_duration_seconds_sum ${this.#durationSum}`,
      `mcpctl_request_duration_seconds_count ${this.#durationCount}`,
    ];
  }
}

function gaugeLines(gauge: Gauge): string[] {
  const samples = gauge.samples.map(
    ({ labels, value }) => `${gauge.name}${labels === undefined ? "" : labelText(labels)} ${value}`,
  );
  return [`# HELP ${gauge.name} ${gauge.help}`, `# TYPE ${gauge.name} ${gauge.type}`, ...samples];
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`,
  );
  return `{${pairs.join(",")}}`;
}
