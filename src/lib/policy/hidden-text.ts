import type { AliasUse } from "./yaml-source.ts";
import type { Finding, SourceText } from "./source.ts";

/**
 * Characters that nobody sees, or that turn the order of what they stand beside (Unicode: Default_Ignorable_Code_Point, and
 * the interlinear annotations); not the byte order mark, and not what joins emoji behind one.
 */
const HIDDEN =
  /(?!^\ufeff)(?!(?<=\p{Extended_Pictographic}\p{Emoji_Modifier}?\ufe0f?)(?:\u200d|\ufe0f))(?:\p{Default_Ignorable_Code_Point}|[\ufff9-\ufffb])/gu;

/** More than these would bury what else there is to say. */
const MOST = 20;

/**
 * Does the file show a reviewer something other than it says, comments included? Bidirectional controls reorder a line
 * (CVE-2021-42574), characters without width hide in it.
 */
export function hiddenText(source: SourceText): readonly Finding[] {
  const findings: Finding[] = [];
  for (const match of source.text.matchAll(HIDDEN)) {
    if (findings.length >= MOST) break;
    const code = (match[0].codePointAt(0) as number).toString(16).toUpperCase().padStart(4, "0");
    const message = `U+${code} cannot be seen, or shows the line in another order`;
    findings.push(source.finding("MC204", match.index, message, { hint: "Remove it.", length: match[0].length }));
  }
  return findings;
}

/** Aliases mean the same to every parser, but a review of what changed does not show what they grant. */
export function aliasFindings(source: SourceText, aliases: readonly AliasUse[]): readonly Finding[] {
  return aliases.slice(0, MOST).map(({ at, name }) =>
    source.finding("MC103", at, `*${name.slice(0, 60)} repeats what stands elsewhere, and a review does not show it`, {
      severity: "warning",
      hint: "Write the entries out.",
      length: name.length + 1,
    }),
  );
}
