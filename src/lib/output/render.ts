import type { ChalkInstance } from "chalk";
import { printable } from "./printable.ts";
import { inQuotes, toJson } from "./to-json.ts";
import { OWN_FORMS, type Format, type OwnForm, type Table, type View } from "./view.ts";

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
  if (isOwnForm(format)) return (await view.forms?.[format]?.()) ?? "";
  switch (format ?? (view.text === undefined ? "table" : "text")) {
    case "json":
      return toJson(view.data);
    case "yaml":
      return inQuotes((await import("./to-yaml.ts")).toYaml(view.data));
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

function isOwnForm(format: Format | null): format is OwnForm {
  return (OWN_FORMS as readonly (string | null)[]).includes(format);
}

/** RFC 4180 with a header. What a spreadsheet would run as a formula gets a quote before it. */
function renderCsv({ columns, rows }: Table): string {
  const field = (text: string): string => {
    const safe = /^[=+\-@\t\r]./.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const line = (row: readonly string[]): string => `${row.map((text) => field(printable(text))).join(",")}\r\n`;
  return line(columns) + linesOf(rows, line);
}

function linesOf(rows: Table["rows"], line: (row: readonly string[]) => string): string {
  let text = "";
  for (const row of rows) text += line(row);
  return text;
}

/** Aligned columns with a header on a terminal; elsewhere tabs and no header, for other programs to cut. */
async function renderTable(table: Table, isTerminal: boolean, paint: ChalkInstance): Promise<string> {
  if (!isTerminal) return linesOf(table.rows, (row) => `${row.map(printable).join("\t")}\n`);
  const rows = Array.from(table.rows, (row) => row.map(printable));
  if (rows.length === 0) return "";
  const { default: CliTable } = await import("cli-table3");
  // A column that says nothing would push the others off an 80-column terminal.
  const shown = table.columns.map((_, index) => index).filter((index) => rows.some((row) => row[index] !== ""));
  const pick = (row: readonly string[]): readonly string[] => shown.map((index) => row[index] ?? "");
  const lines = [pick(table.columns), ...rows.map(pick)];
  const colWidths = shown.map((_, column) => Math.max(1, ...lines.map((line) => mostColumns(line[column] ?? ""))));
  const draw = (some: readonly (readonly string[])[], head: readonly string[]): string => {
    const drawn = new CliTable({
      chars: Object.fromEntries(BORDERS.map((name) => [name, name === "middle" ? "  " : ""])),
      style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
      colWidths,
      head: head.map((name) => paint.bold(name)),
    });
    for (const row of some) drawn.push([...row]);
    return drawn.toString().replace(/ +$/gm, "");
  };
  const pieces = [draw(rows.slice(0, PIECE).map(pick), pick(table.columns))];
  for (let at = PIECE; at < rows.length; at += PIECE) pieces.push(draw(rows.slice(at, at + PIECE).map(pick), []));
  return pieces.join("\n");
}

/** Drawn so many rows at a time: the library takes 300 s for 10,000 at once. */
const PIECE = 20;

/** How many columns of a terminal does this text take at most? Only scripts from Hangul on have characters that take two. */
function mostColumns(text: string): number {
  let columns = 0;
  for (const character of text) columns += (character.codePointAt(0) as number) < 0x1100 ? 1 : 2;
  return columns;
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
