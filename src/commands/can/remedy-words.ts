import { listSome } from "../../lib/list-some.ts";
import type { AccessRequest } from "../../lib/policy/decide.ts";
import { isProduction, type Backend } from "../../lib/policy/registry.ts";
import type { Change, Remedy } from "../../lib/policy/remedy.ts";
import { formatPlace, type Place } from "../../lib/policy/source.ts";

/** Lists longer than this are told in part; JSON has all of it. */
const MOST_LISTED = 10;

/** One edit for programs: what is done, the text that is added to the file or removed, and where. */
export function changeWords(change: Change, backend: string): { do: Change["kind"]; text: string; place: Place } {
  return { do: change.kind, text: textOf(change, backend), place: change.place };
}

/** One edit for people. */
export function describeChange(change: Change, role: string, backend: string): string {
  const at = formatPlace(change.place);
  const text = textOf(change, backend);
  switch (change.kind) {
    case "add_grant":
      return change.isInline
        ? `add \`${text}\` to role ${role} at ${at}`
        : `add \`- ${text}\` to role ${role}, below ${at}`;
    case "allow_tool":
      return `add ${text} to \`allow\` of ${backend} at ${at}`;
    case "drop_deny":
      return `remove ${text} from \`deny\` of ${backend} at ${at}`;
  }
}

function textOf(change: Change, backend: string): string {
  if (change.kind === "drop_deny") return JSON.stringify(change.pattern);
  if (change.kind === "allow_tool") return JSON.stringify(change.tool);
  return change.tool === null ? backend : `{ backend: ${backend}, tools: { allow: [${JSON.stringify(change.tool)}] } }`;
}

/** What becomes open beside what was asked for: tools, patterns, and the access and environment that come with it. */
export function openedWords({ opens }: Remedy, request: AccessRequest, backend: Backend): readonly string[] {
  const access = backend.access === "rw" ? "write" : "read";
  const where = isProduction(backend) ? `production (${backend.environment})` : backend.environment;
  const what = opens.isWhole || request.tool === null ? `all of ${backend.name}` : `${request.tool} of ${backend.name}`;
  const lines = [`${what}: ${access} access to ${where}`];
  if (opens.isWhole) lines.push(`tools: ${listed(opens.tools, "which they are the registry does not say")}`);
  else if (opens.tools.length > 0) lines.push(`other tools: ${listed(opens.tools, "none")}`);
  if (opens.patterns.length > 0) lines.push(`whatever else matches ${listed(opens.patterns, "nothing")}`);
  return lines;
}

export function listed(names: readonly string[], none: string): string {
  return names.length === 0 ? none : listSome(names, MOST_LISTED);
}
