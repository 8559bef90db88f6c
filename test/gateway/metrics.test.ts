import { describe, expect, it } from "vitest";
import { gauge } from "../../src/gateway/metric-lines.ts";
import { Metrics, type Measured } from "../../src/gateway/metrics.ts";
import { malformed } from "../support/exposition.ts";

const call = (more: Partial<Measured> = {}): Measured => ({
  role: "dev",
  backend: "eks-ro",
  decision: "allow",
  reason: "granted",
  status: 200,
  durationMs: 3,
  ...more,
});

const metricsOf = (...calls: readonly Measured[]): Metrics => {
  const metrics = new Metrics();
  for (const measured of calls) metrics.count(measured);
  return metrics;
};
const linesOf = (metrics: Metrics, start: string): readonly string[] =>
  metrics
    .render([])
    .split("\n")
    .filter((line) => line.startsWith(start));

describe("metrics", () => {
  it("count requests by role, backend, decision, reason and status", () => {
    const denied = call({ decision: "deny", reason: "backend_not_granted", status: 403 });
    const unknown = call({ role: null, backend: null, decision: "deny", reason: "key_missing", status: 401 });
    const gone = call({ reason: "client_gone", status: null });
    const metrics = metricsOf(call(), denied, call(), unknown, gone, call({ role: "ops" }), call({ status: 202 }));
    expect(linesOf(metrics, "mcpctl_requests_total")).toEqual([
      'mcpctl_requests_total{role="dev",backend="eks-ro",decision="allow",reason="granted",status="200"} 2',
      'mcpctl_requests_total{role="dev",backend="eks-ro",decision="deny",reason="backend_not_granted",status="403"} 1',
      'mcpctl_requests_total{role="",backend="",decision="deny",reason="key_missing",status="401"} 1',
      'mcpctl_requests_total{role="dev",backend="eks-ro",decision="allow",reason="client_gone",status=""} 1',
      'mcpctl_requests_total{role="ops",backend="eks-ro",decision="allow",reason="granted",status="200"} 1',
      'mcpctl_requests_total{role="dev",backend="eks-ro",decision="allow",reason="granted",status="202"} 1',
    ]);
    expect(malformed(metrics.render([]))).toEqual([]);
  });

  it("tell durations by backend and decision, a bound belonging to its bucket", () => {
    const durations = [0, 1, 1.1, 2.5, 300_000, 300_001].map((durationMs) => call({ durationMs }));
    const metrics = metricsOf(...durations, call({ role: "ops", durationMs: 1 }), call({ backend: "aws-ro" }));
    const lines = linesOf(metrics, 'mcpctl_request_duration_seconds_bucket{backend="eks-ro",decision="allow"');
    expect(lines.map((line) => line.replace(/.*le="(.*)"\} /, "$1 "))).toEqual([
      "0.001 3",
      "0.0025 5",
      "0.005 5",
      "0.01 5",
      "0.025 5",
      "0.05 5",
      "0.1 5",
      "0.25 5",
      "0.5 5",
      "1 5",
      "2.5 5",
      "5 5",
      "10 5",
      "30 5",
      "60 5",
      "300 6",
      "+Inf 7",
    ]);
    expect([
      ...linesOf(metrics, "mcpctl_request_duration_seconds_sum"),
      ...linesOf(metrics, "mcpctl_request_duration_seconds_count"),
    ]).toEqual([
      expect.stringMatching(/^mcpctl_request_duration_seconds_sum\{backend="eks-ro",decision="allow"\} 600\.006/),
      'mcpctl_request_duration_seconds_sum{backend="aws-ro",decision="allow"} 0.003',
      'mcpctl_request_duration_seconds_count{backend="eks-ro",decision="allow"} 7',
      'mcpctl_request_duration_seconds_count{backend="aws-ro",decision="allow"} 1',
    ]);
    expect(malformed(metrics.render([]))).toEqual([]);
  });

  it("count what was refused and not recorded, by reason", () => {
    const metrics = new Metrics();
    for (const reason of ["key_unknown", "key_missing", "key_unknown"] as const) metrics.unsampled(reason);
    expect(linesOf(metrics, "mcpctl_refusals_unsampled_total")).toEqual([
      'mcpctl_refusals_unsampled_total{reason="key_unknown"} 2',
      'mcpctl_refusals_unsampled_total{reason="key_missing"} 1',
    ]);
    expect(malformed(metrics.render([]))).toEqual([]);
  });

  it("stay bounded, losing no count, however many roles and backends there are", () => {
    const many = 25_000;
    const metrics = new Metrics();
    for (let index = 0; index < many; index += 1) metrics.count(call({ role: `r${index}`, backend: `b${index}` }));
    for (let index = 0; index < many; index += 1) metrics.count(call({ role: `r${index}`, backend: `b${index}` }));
    const requests = linesOf(metrics, "mcpctl_requests_total");
    const histograms = linesOf(metrics, "mcpctl_request_duration_seconds_count");
    const sum = (lines: readonly string[]): number =>
      lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" "))), 0);
    expect([requests.length, sum(requests), requests.at(-1)]).toEqual([
      20_001,
      2 * many,
      'mcpctl_requests_total{role="",backend="",decision="",reason="",status="other"} 10000',
    ]);
    expect([histograms.length, sum(histograms), histograms.at(-1)]).toEqual([
      1_001,
      2 * many,
      'mcpctl_request_duration_seconds_count{backend="",decision="other"} 48000',
    ]);
    expect(malformed(metrics.render([]))).toEqual([]);
  });

  it("write labels so that no value ends them early", () => {
    const samples = [{ labels: { path: 'a"b\\c\nd' }, value: 1 }];
    expect(new Metrics().render([gauge("x", "An x.", samples)])).toContain('x{path="a\\"b\\\\c\\nd"} 1\n');
    expect(linesOf(metricsOf(call({ role: '"} 9' })), "mcpctl_requests_total{")).toEqual([
      'mcpctl_requests_total{role="\\"} 9",backend="eks-ro",decision="allow",reason="granted",status="200"} 1',
    ]);
  });

  it("leave out a family that has no value", () => {
    expect(new Metrics().render([gauge("mcpctl_x", "An x.", [])])).not.toContain("mcpctl_x");
  });
});

describe("the check of the text format", () => {
  const head = "# HELP a A.\n# TYPE a gauge\n";
  it.each([
    [`${head}a 1\na 1\n`, ["a 1"]],
    [`${head}b 1\n`, ["b 1"]],
    [`${head}a{x="y} 1\n`, ['a{x="y} 1']],
    [`${head}a one\n`, ["a one"]],
    [`# TYPE a gauge\na 1\n`, ["# TYPE a gauge"]],
    [`# HELP a A.\n# TYPE a counter\na 1\n`, ["# TYPE a counter"]],
    [`${head}a 1`, ["no newline at the end"]],
    [`${head}a 1\n`, []],
  ])("finds what is wrong in %j", (text, bad) => {
    expect(malformed(text)).toEqual(bad);
  });
});
