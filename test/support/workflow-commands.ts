/** A command that the runner of GitHub Actions would carry out. */
export interface WorkflowCommand {
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly data: string;
}

const REGISTERED = new Set(
  "add-mask add-matcher add-path debug echo endgroup error group notice remove-matcher save-state set-env set-output stop-commands warning".split(
    " ",
  ),
);

/**
 * What the runner carries out of a step's output: the reading of actions/runner (src/Runner.Common/ActionCommand.cs), which knows
 * `::name key=value,...::data` at the start of a line, and `##[name key=value;...]data` anywhere in it.
 */
export function commandsIn(output: string): readonly WorkflowCommand[] {
  return output.split(/\r\n|\r|\n/).flatMap((line) => newForm(line) ?? oldForm(line) ?? []);
}

/** .NET compares texts by their weights: what has none, like a soft hyphen, is not there. */
export function withoutWeightless(text: string): string {
  return text.replace(/[\p{Default_Ignorable_Code_Point}\p{Cf}\u0000-\u0008\u000e-\u001f\u007f-\u009f]/gu, "");
}

function newForm(line: string): WorkflowCommand | null {
  const text = line.trimStart();
  const end = text.indexOf("::", 2);
  if (!text.startsWith("::") || end < 0) return null;
  const unescape = (value: string): string =>
    value
      .replaceAll("%0D", "\r")
      .replaceAll("%0A", "\n")
      .replaceAll("%3A", ":")
      .replaceAll("%2C", ",")
      .replaceAll("%25", "%");
  const data = text
    .slice(end + 2)
    .replaceAll("%0D", "\r")
    .replaceAll("%0A", "\n")
    .replaceAll("%25", "%");
  return command(text.slice(2, end), ",", unescape, data);
}

function oldForm(line: string): WorkflowCommand | null {
  const start = line.indexOf("##[");
  const end = line.indexOf("]", start);
  if (start < 0 || end < 0) return null;
  return command(line.slice(start + 3, end), ";", (value) => value, line.slice(end + 1));
}

function command(
  info: string,
  separator: string,
  unescape: (value: string) => string,
  data: string,
): WorkflowCommand | null {
  const space = info.indexOf(" ");
  const name = space < 0 ? info : info.slice(0, space);
  if (!REGISTERED.has(name.toLowerCase())) return null;
  const properties: Record<string, string> = {};
  for (const pair of space < 0 ? [] : info.slice(space + 1).split(separator)) {
    const equals = pair.indexOf("=");
    if (equals > 0) properties[pair.slice(0, equals).trim()] = unescape(pair.slice(equals + 1));
  }
  return { name, properties, data };
}
