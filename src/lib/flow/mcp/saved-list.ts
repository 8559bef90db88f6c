import { parseJson } from "../../json/parse-json.ts";

export type SavedListReading =
  | { readonly ok: true; readonly entries: readonly unknown[] }
  | { readonly ok: false; readonly problem: string };

/** The entries of a `tools/list` result, or of the JSON-RPC response that holds it; only a whole list tells which tools are gone. */
export function readSavedList(text: string): SavedListReading {
  const reading = parseJson(text);
  if (!reading.ok) return { ok: false, problem: `cannot be read: ${reading.detail}` };
  const outer = membersOf(reading.value);
  const { tools, nextCursor } = outer["result"] === undefined ? outer : membersOf(outer["result"]);
  if (!Array.isArray(tools)) return { ok: false, problem: "holds no list of tools" };
  if (nextCursor !== undefined && nextCursor !== null) {
    return { ok: false, problem: "holds one page of a list that goes on (nextCursor)" };
  }
  return { ok: true, entries: tools };
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
