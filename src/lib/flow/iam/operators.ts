import type { Match } from "../template.ts";
import { compilePattern, matchPattern, type PatternPart } from "./glob.ts";
import { isInRange } from "./ip-range.ts";
import { allOf } from "./match-name.ts";
import { lower } from "./policy-variables.ts";

/** Compares a value of the request with one of the policy, whose variables are filled. */
export type Comparison = (wanted: readonly PatternPart[], found: string) => Match;

export interface Operator {
  readonly compare: Comparison;
  /** `Not...`: true where the request has none of the values, or not the key. */
  readonly isNegated: boolean;
  /** Do variables count in its values? AWS knows them under the operators of strings and ARNs. */
  readonly takesVariables: boolean;
}

const isLess = (wanted: number, found: number): boolean => found < wanted;
const isGreater = (wanted: number, found: number): boolean => found > wanted;
const isEqual = (wanted: number, found: number): boolean => found === wanted;

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
export const OPERATORS: ReadonlyMap<string, Operator> = new Map([
  ...pair("StringEquals", "StringNotEquals", compareText, true),
  ...pair("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", compareWithoutCase, true),
  ...pair("StringLike", "StringNotLike", compareGlob, true),
  ...pair("ArnEquals", "ArnNotEquals", compareArn, true),
  ...pair("ArnLike", "ArnNotLike", compareArn, true),
  ...pair("IpAddress", "NotIpAddress", plain(sayRange), false),
  ...ordered("Numeric", toNumber),
  ...ordered("Date", toTime),
  one("Bool", plain(sayBoolean)),
  one(
    "BinaryEquals",
    plain((wanted, found) => wanted === found),
  ),
]);

function one(name: string, compare: Comparison): readonly [string, Operator] {
  return [name, { compare, isNegated: false, takesVariables: false }];
}

function pair(name: string, negated: string, compare: Comparison, takesVariables: boolean) {
  return [
    [name, { compare, isNegated: false, takesVariables }],
    [negated, { compare, isNegated: true, takesVariables }],
  ] as const;
}

function ordered(family: string, parse: (text: string) => number | null) {
  const by = (holds: (wanted: number, found: number) => boolean): Comparison =>
    plain((wantedText, foundText) => {
      const [wanted, found] = [parse(wantedText), parse(foundText)];
      return wanted === null || found === null ? null : holds(wanted, found);
    });
  return [
    ...pair(`${family}Equals`, `${family}NotEquals`, by(isEqual), false),
    one(`${family}LessThan`, by(isLess)),
    one(
      `${family}LessThanEquals`,
      by((wanted, found) => found <= wanted),
    ),
    one(`${family}GreaterThan`, by(isGreater)),
    one(
      `${family}GreaterThanEquals`,
      by((wanted, found) => found >= wanted),
    ),
  ] as const;
}

/** For values without wildcards and variables; null, for what cannot be read, is "perhaps". */
function plain(holds: (wanted: string, found: string) => boolean | null): Comparison {
  return (wanted, found) => {
    const text = wanted.map((part) => (part === "untold" ? "" : "literal" in part ? part.literal : part.glob)).join("");
    const answer = holds(text, found);
    return answer === null ? "maybe" : answer ? "yes" : "no";
  };
}

function compareText(wanted: readonly PatternPart[], found: string): Match {
  return match(wanted.map(asLiteral), found);
}

function compareWithoutCase(wanted: readonly PatternPart[], found: string): Match {
  const parts = wanted.map(asLiteral).map((part) => (part === "untold" ? part : { literal: lower(part.literal) }));
  return match(parts, lower(found));
}

function compareGlob(wanted: readonly PatternPart[], found: string): Match {
  return match(wanted, found);
}

/** The six parts of an ARN are compared each for itself; what is no ARN is compared with nobody knows what. */
function compareArn(wanted: readonly PatternPart[], found: string): Match {
  const whole = match(wanted, found);
  if (whole !== "yes") return whole;
  const [wantedParts, foundParts] = [arnParts(wanted), found.split(":")];
  if (wantedParts === null || foundParts.length < 6) return "maybe";
  const six = [...foundParts.slice(0, 5), foundParts.slice(5).join(":")];
  return allOf(wantedParts.map((parts, index) => match(parts, six[index] as string)));
}

function arnParts(parts: readonly PatternPart[]): readonly (readonly PatternPart[])[] | null {
  const segments: PatternPart[][] = [[]];
  for (const part of parts) {
    if (part === "untold") return null;
    const [text, wrap] = "literal" in part ? [part.literal, toLiteral] : [part.glob, toGlob];
    const [first = "", ...others] = text.split(":");
    (segments.at(-1) as PatternPart[]).push(wrap(first));
    for (const other of others) {
      // The sixth keeps its colons.
      if (segments.length < 6) segments.push([wrap(other)]);
      else (segments.at(-1) as PatternPart[]).push(toLiteral(":"), wrap(other));
    }
  }
  return segments.length === 6 ? segments : null;
}

function match(parts: readonly PatternPart[], found: string): Match {
  const [only] = parts;
  if (parts.length === 1 && typeof only === "object" && "literal" in only) return only.literal === found ? "yes" : "no";
  return matchPattern(compilePattern("", parts, false), found);
}

function asLiteral(part: PatternPart): { readonly literal: string } | "untold" {
  return part === "untold" || "literal" in part ? part : { literal: part.glob };
}

function toLiteral(literal: string): PatternPart {
  return { literal };
}

function toGlob(glob: string): PatternPart {
  return { glob };
}

function sayRange(wanted: string, found: string): boolean | null {
  return isInRange(found, wanted);
}

function sayBoolean(wanted: string, found: string): boolean | null {
  const [a, b] = [lower(wanted), lower(found)];
  const isBoolean = (text: string): boolean => text === "true" || text === "false";
  return isBoolean(a) && isBoolean(b) ? a === b : null;
}

function toNumber(text: string): number | null {
  return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}

const ISO_TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/** ISO 8601, or seconds since 1970. */
function toTime(text: string): number | null {
  if (/^\d{1,12}$/.test(text)) return Number(text) * 1_000;
  if (!ISO_TIME.test(text)) return null;
  const zoned = /(Z|[+-]\d{2}:\d{2})$/.test(text) || !text.includes("T") ? text : `${text}Z`;
  const time = Date.parse(zoned);
  return Number.isNaN(time) ? null : time;
}
