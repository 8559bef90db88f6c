const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = String.raw`[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"`;
const SAMPLE = new RegExp(`^(${NAME})(\\{${LABEL}(?:,${LABEL})*\\})? (\\+Inf|-?[0-9.]+(?:e[-+]?[0-9]+)?)$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (gauge|counter|histogram)$`);
const HELP = new RegExp(`^# HELP (${NAME}) \\S.*$`);

/**
 * Which lines would Prometheus not take? Its text format 0.0.4: each family once, HELP and TYPE before its samples and
 * all of them together, no series twice, counters named `_total`.
 * https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export function malformed(text: string): readonly string[] {
  const bad: string[] = [];
  const families = new Set<string>();
  const series = new Set<string>();
  let helped = "";
  let family = "";
  let type = "";
  for (const line of text.replace(/\n$/, "").split("\n")) {
    const [, help] = HELP.exec(line) ?? [];
    const [, typed, kind = ""] = TYPE.exec(line) ?? [];
    const [, name, labels = ""] = SAMPLE.exec(line) ?? [];
    if (help !== undefined) helped = help;
    else if (typed !== undefined) {
      if (typed !== helped || families.has(typed) || (kind === "counter" && !typed.endsWith("_total"))) bad.push(line);
      families.add(typed);
      [family, type] = [typed, kind];
    } else {
      const base = type === "histogram" ? name?.replace(/_(bucket|sum|count)$/, "") : name;
      if (name === undefined || base !== family || series.has(name + labels)) bad.push(line);
      series.add(`${name}${labels}`);
    }
  }
  return text.endsWith("\n") ? bad : [...bad, "no newline at the end"];
}
