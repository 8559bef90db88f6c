import { AppError } from "../../lib/errors.ts";
import { mermaid, MOST_MERMAID_EDGES } from "../../lib/output/picture/mermaid.ts";
import { plural } from "../../lib/plural.ts";
import type { Table } from "../../lib/output/view.ts";
import type { Cell, Matrix, MatrixFilter } from "../../lib/policy/matrix.ts";
import { isProduction } from "../../lib/policy/registry.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import type { ListForm } from "./list.ts";
import { fitMatrix, type FittedTable } from "./matrix-table.ts";

/** A picture of more than these says nothing to anybody. */
const MOST_DRAWN = 10_000;
const MOST_NAMED = 5;
const LEGEND = "ro reads, rw writes; * some tools only, ! production.";

export function listResult(
  matrix: Matrix,
  filter: MatrixFilter,
  form: ListForm,
  { columns, stdoutIsTerminal }: Pick<Ports, "columns" | "stdoutIsTerminal">,
): Result {
  const isMatrix = form === "table" && stdoutIsTerminal && filter.roles.length !== 1 && filter.backends.length !== 1;
  const fitted = isMatrix ? fitMatrix(matrix, columns) : null;
  if (["mermaid", "dot", "svg"].includes(form)) requireDrawable(matrix);
  return {
    view: {
      data: listData(matrix),
      table: fitted?.table ?? grantTable(matrix.cells),
      names: [...new Set(matrix.cells.map(({ role }) => role.name))],
      forms: {
        mermaid: () => mermaid(matrix),
        dot: async () => (await import("../../lib/output/picture/dot.ts")).dot(matrix),
        svg: async () => (await import("../../lib/output/picture/svg.ts")).svg(matrix),
      },
    },
    notes: notesOf(matrix, form, fitted),
  };
}

/** What `-o json` prints (schemas/output/roles-list.schema.json). */
function listData({ roles, backends, cells }: Matrix): object {
  return {
    roles: roles.map(({ name, place }) => ({ name, place })),
    backends: backends.map((backend) => ({
      name: backend.name,
      service: backend.service,
      environment: backend.environment,
      access: backend.access,
      is_production: isProduction(backend),
      place: backend.place,
    })),
    grants: cells.map(({ role, backend, grant }) => ({
      role: role.name,
      backend: backend.name,
      access: backend.access,
      environment: backend.environment,
      is_production: isProduction(backend),
      tools: grant.tools,
      place: grant.place,
    })),
  };
}

/** A line for each grant, with its tools. */
function grantTable(cells: readonly Cell[]): Table {
  return {
    columns: ["ROLE", "BACKEND", "ENV", "PRODUCTION", "ACCESS", "TOOLS"],
    rows: cells.map(({ role, backend, grant }) => [
      role.name,
      backend.name,
      backend.environment,
      isProduction(backend) ? "yes" : "no",
      backend.access,
      toolWords(grant.tools),
    ]),
  };
}

function toolWords(tools: Cell["grant"]["tools"]): string {
  if (tools === null) return "all";
  const allow = tools.allow === null ? "all" : tools.allow.join(", ") || "none";
  return tools.deny.length === 0 ? allow : `${allow}; not ${tools.deny.join(", ")}`;
}

function requireDrawable({ roles, backends, cells }: Matrix): void {
  const size = roles.length + backends.length + cells.length;
  if (size <= MOST_DRAWN) return;
  throw new AppError(
    "invalid",
    "picture_too_large",
    `${plural(cells.length, "grant")} are more than a picture can show`,
    {
      hint: "Choose some with --role, --backend, --env or --write.",
    },
  );
}

function notesOf({ cells, ungranted }: Matrix, form: ListForm, fitted: FittedTable | null): readonly string[] {
  const notes: string[] = [];
  if (cells.length === 0) notes.push("No role reaches any of this.");
  else if (fitted !== null) notes.push(LEGEND);
  if (fitted !== null && fitted.left.length > 0) notes.push(leftOut(fitted.left));
  if (ungranted > 0) {
    notes.push(
      `Left out: ${plural(ungranted, "grant")} to backends that the registry lacks; see \`mcpctl roles check\`.`,
    );
  }
  if (form === "mermaid" && cells.length > MOST_MERMAID_EDGES) {
    notes.push(`Mermaid draws ${MOST_MERMAID_EDGES} lines unless its maxEdges says more; these are ${cells.length}.`);
  }
  return notes;
}

function leftOut(left: readonly string[]): string {
  const more = left.length > MOST_NAMED ? " and others" : "";
  return `Left out, for the terminal is too narrow: ${plural(left.length, "role")} (${left.slice(0, MOST_NAMED).join(", ")}${more}). Name some with --role, or use -o csv.`;
}
