import type { SchemaError, Validator } from "../../generated/validator.d.ts";
import { NAME_PATTERNS } from "../names.ts";
import { nearest } from "../suggest.ts";
import { nameMisfit } from "./name-misfit.ts";
import type { Finding, SourceText } from "./source.ts";
import { entryOf, plainValue, treeAt, type Tree } from "./yaml-source.ts";

/** More than this many findings of one file help nobody. */
export const MAX_FINDINGS = 200;

/** Does the tree fit its JSON Schema? Every misfit as a finding at its own place, in document order. */
export function schemaFindings(source: SourceText, tree: Tree, validate: Validator): readonly Finding[] {
  if (validate(plainValue(tree))) return [];
  const findings = new Map<string, { at: number; finding: Finding }>();
  for (const error of validate.errors ?? []) {
    // A name's misfit is told once, by `propertyNames`; `if` only says that its branch failed.
    if (error.keyword === "if" || error.propertyName !== undefined) continue;
    const { at, message, hint, code = "MC002", length = 1 } = describe(tree, error);
    const same = JSON.stringify([at, error.keyword === "required" ? message : error.keyword]);
    if (findings.has(same)) continue;
    findings.set(same, { at, finding: source.finding(code, at, message, { isUnreadable: true, hint, length }) });
    if (findings.size >= MAX_FINDINGS) break;
  }
  return [...findings.values()].toSorted((a, b) => a.at - b.at).map(({ finding }) => finding);
}

interface Description {
  readonly at: number;
  readonly message: string;
  readonly hint: string | null;
  readonly code?: string;
  readonly length?: number;
}

function describe(tree: Tree, error: SchemaError): Description {
  const here = treeAt(tree, error.instancePath);
  const where = nameOf(tree, error.instancePath);
  const params = error.params;
  switch (error.keyword) {
    case "additionalProperties": {
      const name = String(params["additionalProperty"]);
      const at = entryOf(here, name)?.at ?? here.at;
      return {
        at,
        message: `unknown field "${name.slice(0, 80)}" in ${where}`,
        hint: "Remove it, or correct its name.",
      };
    }
    case "propertyNames": {
      const name = String(params["propertyName"]);
      const at = entryOf(here, name)?.at ?? here.at;
      return { at, ...nameMisfit(name, where), length: lengthOf(name) };
    }
    case "pattern": {
      const text = here.kind === "scalar" ? String(here.value) : "";
      if (NAMES.has(params["pattern"])) return { at: here.at, ...nameMisfit(text, where), length: lengthOf(text) };
      const hint = `It must match ${String(params["pattern"])}.`;
      return { at: here.at, message: `"${text.slice(0, 80)}" is not a valid ${where}`, hint, length: lengthOf(text) };
    }
    case "required":
      return { at: here.at, message: `${where} lacks the field "${String(params["missingProperty"])}"`, hint: null };
    case "type":
      return {
        at: here.at,
        message: `${where} must be ${typeWords(String(params["type"]))}, and is ${kindOf(here)}`,
        hint: null,
      };
    case "false schema":
      return {
        at: here.at,
        message: `${where} does not go with what stands beside it`,
        hint: "Remove one of the two.",
      };
    case "minProperties":
      return {
        at: here.at,
        message: `${where} is empty, which says nothing`,
        hint: "Name what it should hold, or remove it.",
      };
    case "enum": {
      const allowed = (params["allowedValues"] as readonly unknown[]).map(String);
      const near = nearest(here.kind === "scalar" ? String(here.value) : "", allowed);
      return {
        at: here.at,
        message: `${where} must be one of ${allowed.join(", ")}`,
        hint: near === null ? null : `Did you mean ${near}?`,
      };
    }
    default:
      return { at: here.at, message: `${where} ${error.message ?? "does not fit its schema"}`, hint: null };
  }
}

const NAMES: ReadonlySet<unknown> = new Set(Object.values(NAME_PATTERNS));

function lengthOf(text: string): number {
  return Math.max(text.split("\n")[0]?.length ?? 0, 1);
}

const KIND_WORDS: Readonly<Record<string, string>> = {
  object: "a mapping",
  array: "a list",
  string: "a text",
  boolean: "true or false",
  integer: "a whole number",
  null: "null",
};

function typeWords(type: string): string {
  return type
    .split(",")
    .map((each) => KIND_WORDS[each] ?? each)
    .join(" or ");
}

function kindOf(tree: Tree): string {
  if (tree.kind === "map") return "a mapping";
  if (tree.kind === "list") return "a list";
  if (tree.value === null) return "empty";
  return typeof tree.value === "string"
    ? `the text "${tree.value.slice(0, 40)}"`
    : `the ${typeof tree.value} ${tree.value}`;
}

/** `"tools"`, `item 2 of "dev-readonly"`, `the file`: how a person would call the part at a JSON Pointer. */
function nameOf(tree: Tree, pointer: string): string {
  if (pointer === "") return "the file";
  const parent = treeAt(tree, pointer.slice(0, pointer.lastIndexOf("/")));
  const parts = pointer.split("/").map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~").slice(0, 80));
  const last = parts.at(-1) as string;
  return parent.kind === "list" ? `item ${Number(last) + 1} of "${parts.at(-2) ?? ""}"` : `"${last}"`;
}
