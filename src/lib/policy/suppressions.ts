import { parseTime } from "../time.ts";
import type { Suppressed } from "./check-report.ts";
import { commentsOf, type Comment } from "./comments.ts";
import { isRuleCode, ruleOf } from "./rules/catalogue.ts";
import type { Finding, Fix, SourceText } from "./source.ts";

/** `# mcpctl-ignore MC303 until=2027-03-31: reason`: what it silences, on which line, and where it stands. */
interface Suppression {
  readonly codes: readonly string[];
  /** The first moment at which it holds no more, milliseconds since 1970; null for never. */
  readonly endsAt: number | null;
  readonly reason: string;
  /** The line of the file that it speaks of. */
  readonly line: number;
  readonly source: SourceText;
  readonly comment: Comment;
}

export interface SuppressionsReading {
  readonly suppressions: readonly Suppression[];
  /** Those that cannot be understood, MC407. */
  readonly findings: readonly Finding[];
}

const WORD = "mcpctl-ignore";
const FORM = /^#\s*mcpctl-ignore\s+(MC\d{3}(?:\s*,\s*MC\d{3})*)(?:\s+until=(\S+?))?\s*:\s*(\S.*?)\s*$/;
/** A suppression so far above what it speaks of speaks of nothing. */
const MOST_BLANK = 10_000;
const DAY_MS = 86_400_000;
const HINT = "Write `# mcpctl-ignore MC303 until=2027-03-31: reason`, at the end of the line or alone above it.";
const EXPIRED_HINT = "Mend what it speaks of, or give it another day and reason.";

/** Which findings do comments of these texts silence? A comment alone on its line speaks of the next line that is none. */
export function readSuppressions(sources: readonly SourceText[]): SuppressionsReading {
  const suppressions: Suppression[] = [];
  const findings: Finding[] = [];
  for (const source of sources) {
    if (!source.text.includes(WORD)) continue;
    const comments = commentsOf(source);
    const targets = targetsOf(source.text, comments);
    for (const [index, comment] of comments.entries()) {
      if (!comment.text.includes(WORD)) continue;
      const read = readComment(source, comment, targets[index] as number);
      if (typeof read === "string") findings.push(stale(source, comment, read, HINT));
      else suppressions.push(read);
    }
  }
  return { suppressions, findings };
}

function readComment(source: SourceText, comment: Comment, target: number): Suppression | string {
  if (source.outerOffset(comment.at) === null)
    return "a suppression in a text without lines of its own speaks of all of it";
  const match = FORM.exec(comment.text);
  if (match === null) return "the suppression names no rule, or gives no reason";
  const codes = (match[1] as string).split(/\s*,\s*/);
  const unknown = codes.find((code) => !isRuleCode(code));
  if (unknown !== undefined) return `there is no rule ${unknown} to suppress`;
  const fixed = codes.find((code) => ruleOf(code).isFatal || code === "MC407");
  if (fixed !== undefined) return `${fixed} cannot be suppressed`;
  const day = match[2] === undefined ? null : parseTime(`${match[2]}T00:00:00Z`);
  if (match[2] !== undefined && day === null) return `"${match[2].slice(0, 40)}" is no day; it must be like 2027-03-31`;
  return {
    codes,
    endsAt: day === null ? null : day + DAY_MS,
    reason: match[3] as string,
    line: source.place(target).line,
    source,
    comment,
  };
}

/**
 * The offset that each comment speaks of: its own, or, of one alone on its line, where the next line begins that is neither empty
 * nor a comment. From the last to the first, so that a million comments take no longer than they must.
 */
function targetsOf(text: string, comments: readonly Comment[]): readonly number[] {
  const targets: number[] = [];
  let below = text.length;
  for (const { at, text: comment, isAlone } of comments.toReversed()) {
    if (isAlone) {
      const content =
        at +
        comment.length +
        (/^\s*/.exec(text.slice(at + comment.length, at + comment.length + MOST_BLANK))?.[0].length ?? 0);
      if (text[content] !== "#") below = content;
    }
    targets.push(isAlone ? below : at);
  }
  return targets.toReversed();
}

/**
 * Silences what may be silenced, at `now` (milliseconds since 1970), and tells the suppressions that silence nothing or
 * have expired. `wasRun` says whether a rule was run at all: of one that was not, nothing is known.
 */
export function applySuppressions(
  findings: readonly Finding[],
  { suppressions, findings: incomplete }: SuppressionsReading,
  now: number,
  wasRun: (code: string) => boolean,
): { readonly findings: readonly Finding[]; readonly suppressed: readonly Suppressed[] } {
  const used = new Set<Suppression>();
  const byLine = Map.groupBy(suppressions, ({ line, source }) => JSON.stringify([source.file, line]));
  const kept: Finding[] = [];
  const suppressed: Suppressed[] = [];
  for (const finding of findings) {
    const here = byLine.get(JSON.stringify([finding.place.file, finding.place.line])) ?? [];
    const matching = here.filter(({ codes }) => codes.includes(finding.code));
    for (const each of matching) used.add(each);
    const valid = matching.find(({ endsAt }) => endsAt === null || now < endsAt);
    if (valid === undefined || finding.isUnreadable || ruleOf(finding.code).isFatal) kept.push(finding);
    else suppressed.push({ finding, reason: valid.reason });
  }
  return { findings: [...kept, ...incomplete, ...staleOnes(suppressions, used, now, wasRun)], suppressed };
}

function staleOnes(
  suppressions: readonly Suppression[],
  used: ReadonlySet<Suppression>,
  now: number,
  wasRun: (code: string) => boolean,
): readonly Finding[] {
  return suppressions.flatMap((each): readonly Finding[] => {
    const { source, comment, codes, endsAt } = each;
    if (endsAt !== null && now >= endsAt) return [stale(source, comment, "the suppression has expired", EXPIRED_HINT)];
    if (used.has(each) || !codes.every(wasRun)) return [];
    const fix = removal(source, comment);
    const finding = stale(source, comment, `nothing breaks ${codes.join(" or ")} here`, "Remove the comment.");
    return [fix === null ? finding : { ...finding, fix }];
  });
}

function stale(source: SourceText, comment: Comment, message: string, hint: string): Finding {
  return source.finding("MC407", comment.at, message, { severity: "warning", hint, length: comment.text.length });
}

/** Takes a comment away, with its whole line where nothing else stands on it, else with the blanks before it. */
function removal(source: SourceText, { at, isAlone, text }: Comment): Fix | null {
  if (isAlone) return source.lineRemoval(at);
  return source.fix(source.text.slice(0, at).trimEnd().length, at + text.length, "");
}
