type Labels = Readonly<Record<string, string>>;

/** A family of values as they stand now. */
export interface Gauge {
  /** In Prometheus' form: a base unit at its end, `_total` for what only grows, `_info` for text in labels. */
  readonly name: string;
  readonly help: string;
  readonly type: "gauge" | "counter";
  readonly samples: readonly { readonly labels?: Labels; readonly value: number }[];
}

export function gauge(name: string, help: string, samples: Gauge["samples"]): Gauge {
  return { name, help, type: "gauge", samples };
}

export function counter(name: string, help: string, samples: Gauge["samples"]): Gauge {
  return { name, help, type: "counter", samples };
}

/** Its lines in Prometheus' text format 0.0.4; none when there is nothing to tell. */
export function gaugeLines({ name, help, type, samples }: Gauge): readonly string[] {
  if (samples.length === 0) return [];
  const lines = samples.map(
    ({ labels, value }) => `${name}${labels === undefined ? "" : `{${labelText(labels)}}`} ${value}`,
  );
  return [...headLines(name, help, type), ...lines];
}

export function headLines(name: string, help: string, type: "gauge" | "counter" | "histogram"): readonly string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

/** Labels as they stand between the braces. */
export function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(",");
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
