type Pick = (below: number) => number;

const NUMBERS = ["0", "-0", "1.0", "1e400", "12345678901234567890", "0.1000", "-7E-3"];
const UNITS = ["a", "b", " ", "é", "中", "😀", '"', "\\", "\n", "\u0000", "\u2028", "/", "{", ",", ":"];

/** JSON text as a caller may write it: any spacing and escapes, numbers of any form, strings short and long. */
export function makeJsonText(pick: Pick, depth = 0): string {
  const gap = (): string => " \n\t".slice(0, pick(4) === 0 ? 1 + pick(3) : 0);
  const kind = pick(depth > 3 ? 4 : 7);
  if (kind < 1) return ["true", "null", ...NUMBERS][pick(9)] ?? "false";
  if (kind < 4) return makeString(pick);
  const items = Array.from({ length: pick(6) }, (_, index) => {
    const name = kind < 6 ? `${makeString(pick, `n${index}`)}${gap()}:` : "";
    return `${gap()}${name}${gap()}${makeJsonText(pick, depth + 1)}${gap()}`;
  });
  return kind < 6 ? `{${items.join()}}` : `[${items.join()}]`;
}

function makeString(pick: Pick, text = ""): string {
  const length = [0, 3, 30, 95, 150, 700][pick(text === "" ? 6 : 2)] ?? 0;
  const usual = UNITS[pick(UNITS.length)] as string;
  const units = Array.from({ length: length + pick(20) }, () => (pick(3) > 0 ? usual : UNITS[pick(UNITS.length)]));
  return `"${Array.from(text + units.join(""))
    .map((unit) => written(unit, pick(8) === 0))
    .join("")}"`;
}

function written(unit: string, isEscaped: boolean): string {
  const codes = Array.from({ length: unit.length }, (_, at) => unit.charCodeAt(at).toString(16).padStart(4, "0"));
  return isEscaped ? codes.map((code) => `\\u${code}`).join("") : JSON.stringify(unit).slice(1, -1);
}
