import { redactText } from "../../audit/redact.ts";

/** Controls, what has no width or turns the order of text, half characters, and what is no character at all. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/gu;

/** One line of text that holds what it shows: whatever cannot be seen stands as an escape, and no token is in it. */
export function visible(text: string): string {
  return redactText(text).replace(UNSEEN, escaped);
}

/** The same for a line of a file, whose tabs stay. */
export function visibleLine(line: string): string {
  return line.split("\t").map(visible).join("\t");
}

/** At most so many UTF-16 units of a text; cut before a character, and marked as cut. */
export function atMost(text: string, length: number): string {
  if (text.length <= length) return text;
  const cut = text.slice(0, length - 1);
  return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
}

function escaped(character: string): string {
  const code = (character.codePointAt(0) as number).toString(16);
  return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, "0")}`;
}
