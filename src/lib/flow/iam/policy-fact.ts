import { parseJson } from "../../json/parse-json.ts";
import type { Place } from "../../policy/source.ts";
import type { FactDocument, Path } from "../document.ts";
import { flaw, type Flaw } from "../flaw.ts";
import { readPolicy, type PolicyUse, type Statement } from "./policy.ts";

/** A policy document among the facts. */
export interface PolicyFact {
  /** For people: `policy mcp-aws-ro-inline`. */
  readonly label: string;
  readonly statements: readonly Statement[];
  /** Where the statement stands, or the whole policy; a policy in a text is at that text. */
  placeOf(statement: Statement | null): Place;
}

/** Where a part of a document stands. */
export interface Spot {
  readonly document: FactDocument;
  readonly path: Path;
}

const MAX_NAME = 128;

/** The policy at this spot: an object, or its JSON as a text, URL-encoded as the API of IAM sends it or not. */
export function readPolicyFact(
  spot: Spot,
  value: unknown,
  { label, use }: { readonly label: string; readonly use: PolicyUse },
): PolicyFact | Flaw {
  const document = typeof value === "string" ? parseText(value) : value;
  if (document === undefined) return flaw(spot, `${label} is no JSON`);
  const read = readPolicy(document, use);
  if ("problem" in read) return flaw(spot, `AWS takes no policy like ${label}: ${read.problem}`);
  const isText = typeof value === "string";
  const placeOf = (statement: Statement | null): Place =>
    spot.document.placeOf(isText || statement === null ? spot.path : [...spot.path, ...statement.path]);
  return { label, statements: read.statements, placeOf };
}

function parseText(text: string): unknown {
  let plain = text;
  try {
    if (text.startsWith("%7B") || text.startsWith("%7b")) plain = decodeURIComponent(text);
  } catch {
    return undefined;
  }
  const reading = parseJson(plain);
  return reading.ok ? reading.value : undefined;
}

export function isFlaw(read: PolicyFact | Flaw): read is Flaw {
  return "message" in read;
}

export function below({ document, path }: Spot, ...steps: Path): Spot {
  return { document, path: [...path, ...steps] };
}

export function shortName(name: string): string {
  return name.slice(0, MAX_NAME);
}
