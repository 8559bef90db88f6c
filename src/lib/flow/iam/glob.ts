import { textOf, type Match, type Template } from "../template.ts";

/** Wildcards of a pattern and of what is matched; everything else is a code point. */
const MANY = -1;
/** Many characters, of which a colon is none: a star within a segment of an ARN. */
const MANY_INSIDE = -2;
const ONE = -3;
/** One character that is no colon. */
const ONE_INSIDE = -4;
/** One text that is not known: a policy variable whose value nobody told. */
const UNTOLD = -5;
const COLON = 0x3a;
const STAR = "*";
const MARK = "?";

/** What IAM compares with: a text with wildcards, taken apart once. */
export interface Pattern {
  /** As it stands in the policy. */
  readonly shown: string;
  /** The literal text that it begins with. */
  readonly prefix: string;
  /** What follows the prefix. */
  readonly rest: readonly number[];
  /** The literal text that it ends with, after the last wildcard; only a text that ends so can match. */
  readonly suffix: string;
}

/** Part of a pattern: text that stands for itself, text with wildcards in it, or a text that is not known. */
export type PatternPart = { readonly literal: string } | { readonly glob: string } | "untold";

/** Longer than any ARN or action; AWS takes no ARN beyond it in a policy. */
export const MAX_PATTERN = 2_048;

/** `isArn`: a star or mark within a segment, not at its end, is not sure to reach across a colon. */
export function compilePattern(shown: string, parts: readonly PatternPart[], isArn: boolean): Pattern {
  const codes: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (part === "untold") codes.push(UNTOLD);
    else if ("literal" in part) codes.push(...codePoints(part.literal));
    else codes.push(...globCodes(part.glob, isArn, parts[index + 1]));
  }
  const wild = codes.findIndex((code) => code < 0);
  const literal = wild < 0 ? codes : codes.slice(0, wild);
  const rest = wild < 0 ? [] : codes.slice(wild);
  const tail = rest.slice(rest.findLastIndex((code) => code < 0) + 1);
  return { shown, prefix: String.fromCodePoint(...literal), rest, suffix: String.fromCodePoint(...tail) };
}

function globCodes(glob: string, isArn: boolean, next: PatternPart | undefined): readonly number[] {
  const characters = Array.from(glob);
  return characters.map((character, at) => {
    if (character === MARK) return isArn ? ONE_INSIDE : ONE;
    if (character !== STAR) return character.codePointAt(0) as number;
    // AWS: a star that is the last character of a segment may reach beyond the colon.
    const isLast = at + 1 === characters.length ? next === undefined : characters[at + 1] === ":";
    return isArn && !isLast ? MANY_INSIDE : MANY;
  });
}

/** What is compared with patterns: a text that is known, or one with holes and wildcards, each for any text. */
export type Subject = string | readonly number[];

/** A template as something to compare; `*` and `?` in it stand for many texts, as holes do. */
export function subjectOf(template: Template): Subject {
  const text = textOf(template);
  if (text !== null && !text.includes(STAR) && !text.includes(MARK)) return text;
  return template.flatMap((part) =>
    typeof part === "string"
      ? Array.from(part, (character) => (character === STAR ? MANY : character === MARK ? ONE : codeOf(character)))
      : [MANY],
  );
}

/** Does the pattern match: every text that the subject may be, none, or perhaps? Time is the product of both lengths. */
export function matchPattern({ prefix, rest, suffix }: Pattern, subject: Subject): Match {
  if (typeof subject !== "string") {
    const pattern = [...codePoints(prefix), ...rest];
    if (!reaches(pattern, subject, false)) return "no";
    return reaches(pattern, subject, true) ? "yes" : "maybe";
  }
  if (!subject.startsWith(prefix)) return "no";
  if (rest.length === 0) return subject.length === prefix.length ? "yes" : "no";
  if (rest.length === 1 && rest[0] === MANY) return "yes";
  if (!subject.endsWith(suffix)) return "no";
  const left = codePoints(subject.slice(prefix.length));
  if (!reaches(rest, left, false)) return "no";
  return reaches(rest, left, true) ? "yes" : "maybe";
}

/** Is every text of the subject one of the pattern's? Sure where it says yes. */
function takesSurely(pattern: number, subject: number): boolean {
  if (pattern >= 0) return pattern === subject;
  if (pattern === MANY) return true;
  if (pattern === ONE) return subject !== MANY;
  return pattern !== UNTOLD && subject >= 0 && subject !== COLON;
}

/** Have both a text in common? Sure where it says no. */
function mayTake(pattern: number, subject: number): boolean {
  return pattern < 0 || subject < 0 || pattern === subject;
}

function standsForMany(pattern: number, isSure: boolean): boolean {
  return pattern === MANY || pattern === MANY_INSIDE || (pattern === UNTOLD && !isSure);
}

/** Can the whole pattern be laid over the whole subject? One row for each code of the pattern. */
function reaches(pattern: readonly number[], subject: readonly number[], isSure: boolean): boolean {
  const takes = isSure ? takesSurely : mayTake;
  // row[at]: everything before the current code of the pattern takes the first `at` codes of the subject.
  let row = new Uint8Array(subject.length + 1);
  row[0] = 1;
  // What stands for many may stand for nothing.
  if (!isSure) for (let at = 1; at <= subject.length && subject[at - 1] === MANY; at += 1) row[at] = 1;
  for (const code of pattern) {
    const next = new Uint8Array(subject.length + 1);
    const isMany = standsForMany(code, isSure);
    if (isMany) next[0] = row[0] as number;
    let isAny = next[0] === 1;
    for (let at = 1; at <= subject.length; at += 1) {
      const taken = subject[at - 1] as number;
      const before = isMany ? next[at - 1] : row[at - 1];
      const isReached =
        (isMany && row[at] === 1) ||
        (before === 1 && takes(code, taken)) ||
        (!isSure && taken === MANY && (row[at] === 1 || next[at - 1] === 1));
      if (!isReached) continue;
      next[at] = 1;
      isAny = true;
    }
    if (!isAny) return false;
    row = next;
  }
  return row[subject.length] === 1;
}

function codePoints(text: string): number[] {
  return Array.from(text, codeOf);
}

function codeOf(character: string): number {
  return character.codePointAt(0) as number;
}
