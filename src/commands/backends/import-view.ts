import { plural } from "../../lib/plural.ts";
import type { View } from "../../lib/output/view.ts";
import type { ToolChange } from "../../lib/flow/mcp/plan-import.ts";
import { printable } from "../../lib/output/printable.ts";
import type { Result } from "../result.ts";
import type { ImportSource } from "./import-source.ts";

export interface Import extends ImportSource {
  readonly file: string;
  readonly isWritten: boolean;
}

/** More lines than anybody reads; JSON has them all. */
const MOST_SHOWN = 200;
const MOST_PROBLEMS = 20;

const MARKS: Readonly<Record<ToolChange["kind"], string>> = { added: "+", changed: "~", gone: "-", kept: "=" };

/** What changes, a line for each tool. */
export function planLines({ backend, from, plan }: Import): readonly string[] {
  const { changes, unchanged } = plan;
  const width = Math.min(Math.max(0, ...changes.map(({ tool }) => tool.length)), 40);
  const more = changes.length > MOST_SHOWN ? [`  and ${changes.length - MOST_SHOWN} more`] : [];
  return [
    `${backend}, from ${from}: ${changes.length === 0 ? "nothing new" : countWords(changes)}; ${plural(unchanged, "tool")} unchanged`,
    ...changes
      .slice(0, MOST_SHOWN)
      .map(({ tool, kind, detail }) => `  ${MARKS[kind]} ${tool.padEnd(width)}  ${detail}`),
    ...more,
  ];
}

function countWords(changes: readonly ToolChange[]): string {
  return (["added", "changed", "gone", "kept"] as const)
    .map((kind) => [kind, changes.filter((change) => change.kind === kind).length] as const)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(", ");
}

export function importResult(done: Import, isDryRun: boolean): Result {
  return { view: viewOf(done), notes: [...problemNotes(done), ...editedNotes(done), lastNote(done, isDryRun)] };
}

function viewOf(done: Import): View {
  const { backend, from, file, isWritten, plan, problems } = done;
  return {
    data: {
      backend,
      source: from,
      file,
      written: isWritten,
      unchanged: plan.unchanged,
      tools: plan.changes.map(({ tool, kind, detail }) => ({ tool, change: kind, detail })),
      problems,
    },
    text: () => planLines(done).map(printable).join("\n"),
    names: plan.changes.map(({ tool }) => tool),
  };
}

function problemNotes({ problems }: Import): readonly string[] {
  const told = problems
    .slice(0, MOST_PROBLEMS)
    .map(({ tool, problem }) => `Not used of ${tool === "" ? "an entry" : tool}: ${problem}.`);
  return problems.length > MOST_PROBLEMS ? [...told, `and ${problems.length - MOST_PROBLEMS} more`] : told;
}

function editedNotes({ plan }: Import): readonly string[] {
  return plan.changes.some(({ isEdited }) => isEdited)
    ? ["What was edited by hand was kept; --replace-edited writes over it."]
    : [];
}

function lastNote({ file, isWritten, plan }: Import, isDryRun: boolean): string {
  if (isWritten) return `Wrote ${file}.`;
  if (plan.edits.size === 0) return `There is nothing to write; ${file} stays as it is.`;
  return isDryRun ? `Dry run: ${file} was not changed.` : `${file} was not changed.`;
}
