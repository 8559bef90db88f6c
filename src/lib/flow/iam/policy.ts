import { at, isJsonObject, textAt, type JsonObject } from "../../json/members.ts";
import type { Path } from "../document.ts";
import { MAX_PATTERN } from "./glob.ts";
import { actionName, arnName, type NameSet } from "./match-name.ts";
import { hasVariables, keysIn, lower } from "./policy-variables.ts";

/** One line of a `Condition`: an operator, a key of the request, and the values that it is compared with. */
export interface Condition {
  readonly operator: string;
  /** As it is written; `name` is the same in lower case, for case does not count. */
  readonly key: string;
  readonly name: string;
  readonly values: readonly string[];
}

/** `Principal` or `NotPrincipal`: for each type (`AWS`, `Service`, `Federated`) its names; a bare `*` is type `*`. */
export interface Principals {
  readonly isNegated: boolean;
  readonly byType: ReadonlyMap<string, readonly string[]>;
}

export interface Statement {
  /** From 0, in the order of the document. */
  readonly index: number;
  readonly sid: string | null;
  readonly effect: "Allow" | "Deny";
  readonly actions: NameSet;
  /** Null in a trust policy, which is about its own role. */
  readonly resources: NameSet | null;
  readonly principals: Principals | null;
  readonly conditions: readonly Condition[];
  /** Do `${...}` in its texts mean values of the request (version 2012-10-17)? */
  readonly hasVariables: boolean;
  /** Keys of the request, in lower case, whose values it names: without one of them, AWS may take it for invalid. */
  readonly variables: readonly string[];
  /** From the document's top. */
  readonly path: Path;
}

export type PolicyReading = { readonly statements: readonly Statement[] } | { readonly problem: string };

/** What a policy is about: what its identity may do, or who may become a role. */
export type PolicyUse = "identity" | "trust";

const ELEMENTS = new Set([
  "Sid",
  "Effect",
  "Action",
  "NotAction",
  "Resource",
  "NotResource",
  "Principal",
  "NotPrincipal",
  "Condition",
]);
const VERSIONS = new Set(["2012-10-17", "2008-10-17"]);
/** Characters of the longest policy that AWS takes. */
const MAX_VALUE = 10_240;

/**
 * What does this policy document say? `problem` where AWS would not take it, so that nobody can tell what is in force.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 */
export function readPolicy(value: unknown, use: PolicyUse): PolicyReading {
  if (!isJsonObject(value)) return { problem: "a policy is an object" };
  const version = at(value, "Version") ?? "2008-10-17";
  if (typeof version !== "string" || !VERSIONS.has(version)) return { problem: "this Version is unknown" };
  const written = at(value, "Statement");
  const isList = Array.isArray(written);
  const statements: Statement[] = [];
  for (const [index, each] of (isList ? (written as unknown[]) : [written]).entries()) {
    const path = isList ? ["Statement", index] : ["Statement"];
    const read = readStatement(each, { index, path, use, hasVariables: version === "2012-10-17" });
    if (typeof read === "string") return { problem: `statement ${index + 1}: ${read}` };
    statements.push(read);
  }
  return { statements };
}

interface Around {
  readonly index: number;
  readonly path: Path;
  readonly use: PolicyUse;
  readonly hasVariables: boolean;
}

function readStatement(value: unknown, around: Around): Statement | string {
  if (!isJsonObject(value)) return "a statement is an object";
  const unknown = Object.keys(value).find((name) => !ELEMENTS.has(name));
  if (unknown !== undefined) return `there is no element ${JSON.stringify(unknown.slice(0, 40))}`;
  const effect = at(value, "Effect");
  if (effect !== "Allow" && effect !== "Deny") return "its Effect is neither Allow nor Deny";
  const actions = readNames(value, "Action", (name) => actionName(name));
  if (typeof actions === "string") return actions;
  const isVariable = (name: string): boolean => around.hasVariables && hasVariables(name);
  const isTrust = around.use === "trust";
  const resources = isTrust ? null : readNames(value, "Resource", (name) => arnName(name, isVariable(name)));
  if (typeof resources === "string") return resources;
  const principals = readPrincipals(value, isTrust);
  if (typeof principals === "string") return principals;
  if (isTrust && (Object.hasOwn(value, "Resource") || Object.hasOwn(value, "NotResource")))
    return "a trust policy has no Resource";
  const conditions = readConditions(at(value, "Condition"));
  if (typeof conditions === "string") return conditions;
  const { use: _, ...place } = around;
  const texts = [...(resources?.names ?? []).map(({ shown }) => shown), ...conditions.flatMap(({ values }) => values)];
  const variables = around.hasVariables ? [...new Set(texts.flatMap(keysIn))] : [];
  return { ...place, sid: textAt(value, "Sid"), effect, actions, resources, principals, conditions, variables };
}

/** `Action` or `NotAction`, and so on: exactly one of them, of one text or several. */
function readNames(
  statement: JsonObject,
  element: "Action" | "Resource",
  toName: (text: string) => NameSet["names"][number],
): NameSet | string {
  const isNegated = Object.hasOwn(statement, `Not${element}`);
  if (isNegated === Object.hasOwn(statement, element)) return `it has not exactly one of ${element} and Not${element}`;
  const texts = textsOf(at(statement, isNegated ? `Not${element}` : element));
  if (texts === null || texts.length === 0) return `its ${element} is neither a text nor a list of texts`;
  if (texts.some((text) => text.length > MAX_PATTERN)) return `a text of its ${element} is too long`;
  return { isNegated, names: texts.map(toName) };
}

function readPrincipals(statement: JsonObject, isTrust: boolean): Principals | null | string {
  const isNegated = Object.hasOwn(statement, "NotPrincipal");
  const isThere = isNegated || Object.hasOwn(statement, "Principal");
  if (!isTrust) return isThere ? "a policy of an identity names no Principal" : null;
  if (isNegated === Object.hasOwn(statement, "Principal"))
    return "it has not exactly one of Principal and NotPrincipal";
  const value = at(statement, isNegated ? "NotPrincipal" : "Principal");
  if (value === "*") return { isNegated, byType: new Map([["*", ["*"]]]) };
  if (!isJsonObject(value)) return "its Principal is neither * nor an object";
  const byType = new Map<string, readonly string[]>();
  for (const [type, names] of Object.entries(value)) {
    const texts = textsOf(names);
    if (texts === null) return `its Principal of type ${JSON.stringify(type.slice(0, 40))} is no text or list of texts`;
    byType.set(type, texts);
  }
  return { isNegated, byType };
}

function readConditions(value: unknown): readonly Condition[] | string {
  if (value === undefined) return [];
  if (!isJsonObject(value)) return "its Condition is no object";
  const conditions: Condition[] = [];
  for (const [operator, keys] of Object.entries(value)) {
    if (!isJsonObject(keys)) return "an operator of its Condition has no object of keys";
    for (const [key, written] of Object.entries(keys)) {
      const values = scalarsOf(written);
      if (values === null) return `the values of ${JSON.stringify(key.slice(0, 80))} are no texts`;
      if (values.some((each) => each.length > MAX_VALUE)) return "a value of its Condition is too long";
      conditions.push({ operator, key, name: lower(key), values });
    }
  }
  return conditions;
}

function textsOf(value: unknown): readonly string[] | null {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.every((each) => typeof each === "string") ? list : null;
}

/** AWS takes true and 7 for "true" and "7". */
function scalarsOf(value: unknown): readonly string[] | null {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isScalar = (each: unknown): boolean => ["string", "number", "boolean"].includes(typeof each);
  return list.every(isScalar) ? list.map(String) : null;
}
