import { cellMark, type Matrix } from "../../policy/matrix.ts";
import { isProduction, type Backend } from "../../policy/registry.ts";
import { inXml } from "../report/junit-suites.ts";

const CHARACTER = 8;
const ROW = 24;
const MARGIN = 16;
const GAP = 16;
const LEGEND = "ro reads, rw writes, * some tools only, ! production";
/** With more roles than these their names stand upright. */
const MOST_LYING = 6;

interface Layout {
  /** Where the names of environments and the cells begin, from the left. */
  readonly environmentsAt: number;
  readonly cellsAt: number;
  readonly columnWidth: number;
  /** Where the first row begins, from the top. */
  readonly rowsAt: number;
  readonly isUpright: boolean;
  readonly width: number;
  readonly height: number;
}

/**
 * The matrix as a picture: a row for each backend, a column for each role. It holds text and boxes alone, no script, link,
 * style sheet or font; every text is given its width, so that no reader's font makes two overlap.
 */
export function svg(matrix: Matrix): string {
  const layout = layOut(matrix);
  const { width, height } = layout;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="monospace" font-size="13" fill="#1f1f1f">`,
    "  <title>Which role reaches which backend</title>",
    `  <rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...matrix.roles.map(({ name }, column) => `  ${roleName(name, column, layout)}`),
    ...matrix.backends.flatMap((backend, row) => rowLines(backend, row, layout).map((line) => `  ${line}`)),
    ...cellLines(matrix, layout).map((line) => `  ${line}`),
    `  ${textAt(MARGIN, height - MARGIN, LEGEND)}`,
    "</svg>",
  ].join("\n");
}

function layOut({ roles, backends }: Matrix): Layout {
  const longest = (names: readonly string[]): number => Math.max(4, ...names.map((name) => name.length)) * CHARACTER;
  const roleWidth = longest(roles.map(({ name }) => name));
  const isUpright = roles.length > MOST_LYING;
  const environmentsAt = MARGIN + longest(backends.map(({ name }) => name)) + GAP;
  const cellsAt = environmentsAt + longest(backends.map(({ environment }) => environment)) + GAP;
  const columnWidth = (isUpright ? 4 * CHARACTER : roleWidth) + GAP;
  const rowsAt = MARGIN + (isUpright ? roleWidth : ROW) + 8;
  const legendWidth = MARGIN + LEGEND.length * CHARACTER;
  return {
    environmentsAt,
    cellsAt,
    columnWidth,
    rowsAt,
    isUpright,
    width: Math.max(cellsAt + roles.length * columnWidth, legendWidth) + MARGIN,
    height: rowsAt + backends.length * ROW + ROW + MARGIN,
  };
}

function roleName(name: string, column: number, { cellsAt, columnWidth, rowsAt, isUpright }: Layout): string {
  const x = cellsAt + column * columnWidth;
  if (!isUpright) return textAt(x + GAP / 2, rowsAt - 10, name, 'font-weight="bold"');
  const [middle, bottom] = [x + columnWidth / 2 + 5, rowsAt - 8];
  return textAt(middle, bottom, name, `font-weight="bold" transform="rotate(-90 ${middle} ${bottom})"`);
}

function rowLines(backend: Backend, row: number, { rowsAt, environmentsAt, width }: Layout): readonly string[] {
  const y = rowsAt + row * ROW;
  const fill = isProduction(backend) ? "#fdecea" : row % 2 === 0 ? "#f5f5f5" : "#ffffff";
  return [
    `<rect x="${MARGIN / 2}" y="${y}" width="${width - MARGIN}" height="${ROW}" fill="${fill}"/>`,
    textAt(MARGIN, y + 16, backend.name),
    textAt(environmentsAt, y + 16, backend.environment),
  ];
}

function cellLines({ roles, backends, cells }: Matrix, layout: Layout): readonly string[] {
  const columns = new Map(roles.map(({ name }, index) => [name, index]));
  const rows = new Map(backends.map(({ name }, index) => [name, index]));
  return cells.flatMap((cell) => {
    const x = layout.cellsAt + (columns.get(cell.role.name) ?? 0) * layout.columnWidth;
    const y = layout.rowsAt + (rows.get(cell.backend.name) ?? 0) * ROW;
    const mark = cellMark(cell);
    const fill = cell.backend.access === "rw" ? "#ffb74d" : "#bbdefb";
    const box = `<rect x="${x + 2}" y="${y + 2}" width="${layout.columnWidth - 4}" height="${ROW - 4}" rx="3" fill="${fill}"/>`;
    return [box, textAt(x + (layout.columnWidth - mark.length * CHARACTER) / 2, y + 16, mark)];
  });
}

function textAt(x: number, y: number, text: string, more = ""): string {
  const length = text.length * CHARACTER;
  return `<text x="${x}" y="${y}" textLength="${length}" lengthAdjust="spacingAndGlyphs"${more === "" ? "" : ` ${more}`}>${inXml(text)}</text>`;
}
