import type { Table } from "../../lib/output/view.ts";
import { cellMark, type Cell, type Matrix } from "../../lib/policy/matrix.ts";

/** Between two columns of a table. */
const GAP = 2;
const NOTHING = "-";

/** A table that fits, and the names of what did not. */
export interface FittedTable {
  readonly table: Table;
  /** Columns that were left out. */
  readonly left: readonly string[];
}

/**
 * The matrix in so many columns of a terminal: backends one below the other, or roles where only that fits. Where neither
 * fits, as many roles as there is room for, one at least.
 */
export function fitMatrix(matrix: Matrix, columns: number): FittedTable {
  const byRole = Map.groupBy(matrix.cells, ({ role }) => role.name);
  const marks = new Map([...byRole].map(([role, cells]) => [role, marksOf(cells)]));
  const markAt = (role: string, backend: string): string => marks.get(role)?.get(backend) ?? NOTHING;
  const roles = matrix.roles.map(({ name }) => name);
  const backends = matrix.backends.map(({ name }) => name);
  const environments = matrix.backends.map(({ environment }) => environment);
  const tall: Table = {
    columns: ["BACKEND", "ENV", ...roles],
    rows: backends.map((name, row) => [name, environments[row] as string, ...roles.map((role) => markAt(role, name))]),
  };
  const room = roomFor(tall, columns);
  if (room >= tall.columns.length) return { table: tall, left: [] };
  const wide: Table = {
    columns: ["ROLE", ...backends],
    rows: roles.map((name) => [name, ...backends.map((backend) => markAt(name, backend))]),
  };
  if (roomFor(wide, columns) >= wide.columns.length) return { table: wide, left: [] };
  const shown = Math.max(room, MOST_FIXED + 1);
  return { table: cut(tall, shown), left: tall.columns.slice(shown) };
}

/** Backend and environment stand in every table; without a role it would say nothing. */
const MOST_FIXED = 2;

function marksOf(cells: readonly Cell[]): ReadonlyMap<string, string> {
  return new Map(cells.map((cell) => [cell.backend.name, cellMark(cell)]));
}

/** How many of the table's columns fit into so many of the terminal? Names take one a character. */
function roomFor({ columns, rows }: Table, width: number): number {
  const widths = columns.map((name) => name.length);
  for (const row of rows) {
    for (const [at, text] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, text.length);
  }
  let used = -GAP;
  let fitting = 0;
  for (const each of widths) {
    used += GAP + each;
    if (used > width) break;
    fitting += 1;
  }
  return fitting;
}

function cut({ columns, rows }: Table, count: number): Table {
  return { columns: columns.slice(0, count), rows: Array.from(rows, (row) => row.slice(0, count)) };
}
