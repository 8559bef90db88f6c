import type { ChalkInstance } from "chalk";
import { printable } from "./printable.ts";
import type { Format, Table, View } from "./view.ts";

export interface RenderOptions {
  /** Null for the view's own best form: text or table. */
  readonly format: Format | null;
  readonly isTerminal: boolean;
  readonly paint: ChalkInstance;
}

/** The one place that turns a view into text; ends with a line end unless it is empty. */
export async function render(view: View, options: RenderOptions): Promise<string> {
  const text = await renderForm(view, options);
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

async function renderForm(view: View, { format, isTerminal, paint }: RenderOptions): Promise<string> {
  switch (format ?? (view.text === undefined ? "table" : "text")) {
    case "json":
      return JSON.stringify(view.data, null, 2);
    case "yaml":
      return (await import("./to-yaml.ts")).toYaml(view.data);
    case "name":
      return (view.names ?? []).join("\n");
    case "csv":
      return view.table === undefined ? "" : renderCsv(view.table);
    case "text":
      return view.text?.(paint) ?? "";
    case "table":
      return view.table === undefined ? "" : renderTable(view.table, isTerminal, paint);
  }
}

/** RFC 4180 with a header. What a spreadsheet would run as a formula gets a quote before it. */
function renderCsv({ columns, rows }: Table): string {
  const field = (text: string): string => {
    const safe = /^[=+\-@\t\r]./.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [columns, ...rows].map((row) => `${row.map((text) => field(printable(text))).join(",")}\r\n`).join("");
}

/** Aligned columns with a header on a terminal; elsewhere tabs and no header, for other programs to cut. */
async function renderTable(table: Table, isTerminal: boolean, paint: ChalkInstance): Promise<string> {
  const rows = table.rows.map((row) => row.map(printable));
  if (!isTerminal) return rows.map((row) => row.join("\t")).join("\n");
  if (rows.length === 0) return "";
  const { default: CliTable } = await import("cli-table3");
  // A column that says nothing would push the others off an 80-column terminal.
  const shown = table.columns.map((_, index) => index).filter((index) => rows.some((row) => row[index] !== ""));
  const drawn = new CliTable({
    chars: Object.fromEntries(BORDERS.map((name) => [name, name === "middle" ? "  " : ""])),
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    head: shown.map((index) => paint.bold(table.columns[index] ?? "")),
  });
  for (const row of rows) drawn.push(shown.map((index) => row[index] ?? ""));
  return drawn.toString().replace(/ +$/gm, "");
}

const BORDERS = [
  "top",
  "top-mid",
  "top-left",
  "top-right",
  "bottom",
  "bottom-mid",
  "bottom-left",
  "bottom-right",
  "left",
  "left-mid",
  "mid",
  "mid-mid",
  "right",
  "right-mid",
  "middle",
] as const;
