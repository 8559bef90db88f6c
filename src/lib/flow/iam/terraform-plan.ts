import type { FactDocument, Path } from "../document.ts";
import { at, isJsonObject, textAt, type JsonObject } from "../../json/members.ts";
import type { Spot } from "./policy-fact.ts";

/** A resource as it will be once the plan is applied. */
export interface PlanResource {
  readonly address: string;
  /** Address of its module; empty for the root. */
  readonly module: string;
  readonly type: string;
  readonly name: string;
  readonly values: JsonObject;
  /** What only applying tells, in the shape of the values. */
  readonly unknown: unknown;
  /** What the configuration says of its arguments; null where the plan does not show it. */
  readonly expressions: JsonObject | null;
  /** Is it new, so that nothing outside of the plan is attached to it? */
  readonly isCreated: boolean;
  /** Where the values stand. */
  readonly spot: Spot;
}

/** A resource that the plan takes away or changes, as it is now. */
export interface Replaced {
  readonly type: string;
  readonly before: unknown;
}

/** What a value of a planned resource is: `unset` when it is known to have none. */
export type Planned = { readonly value: unknown } | "unset" | "unknown";

const INDEX = /\[(?:\d+|"(?:[^"\\]|\\.)*")\]/g;
const UNCHANGED = new Set(["no-op", "read", "create"]);

/** Is this the JSON of `terraform show -json PLAN`? */
export function isTerraformPlan(value: unknown): boolean {
  return textAt(value, "format_version") !== null && isJsonObject(at(at(value, "planned_values"), "root_module"));
}

/**
 * The managed resources of a plan, those of its modules too.
 * https://developer.hashicorp.com/terraform/internals/json-format#plan-representation
 */
export function plannedResources(document: FactDocument): readonly PlanResource[] {
  const { value } = document;
  const changes = new Map(
    listAt(value, "resource_changes").map((each) => [textAt(each, "address"), at(each, "change")]),
  );
  const found: PlanResource[] = [];
  const visit = (module: unknown, path: Path): void => {
    for (const [index, each] of listAt(module, "resources").entries()) {
      const spot = { document, path: [...path, "resources", index, "values"] };
      const resource = readResource(each, spot, { module: textAt(module, "address") ?? "", plan: value, changes });
      if (resource !== null) found.push(resource);
    }
    for (const [index, child] of listAt(module, "child_modules").entries())
      visit(child, [...path, "child_modules", index]);
  };
  visit(at(at(value, "planned_values"), "root_module"), ["planned_values", "root_module"]);
  return found;
}

interface Around {
  readonly module: string;
  readonly plan: unknown;
  readonly changes: ReadonlyMap<string | null, unknown>;
}

function readResource(value: unknown, spot: Spot, { module, plan, changes }: Around): PlanResource | null {
  const [address, type, name] = [textAt(value, "address"), textAt(value, "type"), textAt(value, "name")];
  const values = at(value, "values");
  if (at(value, "mode") === "data" || address === null || type === null || name === null || !isJsonObject(values))
    return null;
  const change = changes.get(address);
  const actions = listAt(change, "actions");
  return {
    address,
    module,
    type,
    name,
    values,
    spot,
    unknown: at(change, "after_unknown"),
    expressions: expressionsOf(plan, module, `${type}.${name}`),
    isCreated: actions.includes("create"),
  };
}

function expressionsOf(plan: unknown, module: string, address: string): JsonObject | null {
  let config = at(at(plan, "configuration"), "root_module");
  const steps = module.replace(INDEX, "").split(".");
  for (let index = 1; index < steps.length; index += 2)
    config = at(at(at(config, "module_calls"), steps[index] as string), "module");
  const found = listAt(config, "resources").find((each) => textAt(each, "address") === address);
  const expressions = at(found, "expressions");
  return isJsonObject(expressions) ? expressions : null;
}

/** Resources that will not be as they are. */
export function replacedResources(plan: unknown): readonly Replaced[] {
  return listAt(plan, "resource_changes").flatMap((each) => {
    const change = at(each, "change");
    const isSame = listAt(change, "actions").every((action) => UNCHANGED.has(String(action)));
    return isSame ? [] : [{ type: textAt(each, "type") ?? "", before: at(change, "before") }];
  });
}

/**
 * What will this argument be? Of a new resource, an argument that only applying tells and that the configuration does
 * not set is what other resources of the plan make it.
 */
export function planned({ values, unknown, expressions, isCreated }: PlanResource, name: string): Planned {
  const value = at(values, name);
  if (isUnknown(at(unknown, name)))
    return isCreated && expressions !== null && !Object.hasOwn(expressions, name) ? "unset" : "unknown";
  // What is unknown is left out of the values; only null is nothing.
  if (value === undefined) return "unknown";
  return value === null ? "unset" : { value };
}

function isUnknown(value: unknown): boolean {
  if (value === true) return true;
  if (Array.isArray(value)) return value.some(isUnknown);
  return isJsonObject(value) && Object.values(value).some(isUnknown);
}

/**
 * Which resource of its module does an argument of the configuration speak of, where it speaks of nothing else?
 * `null` where that cannot be told.
 */
export function referenced(
  { expressions, module }: PlanResource,
  name: string,
  { type, among }: { readonly type: string; readonly among: readonly PlanResource[] },
): readonly PlanResource[] | null {
  const references = listAt(at(expressions, name), "references").map(String);
  const names = new Set(references.map((each) => each.split(".").slice(0, 2).join(".").replace(INDEX, "")));
  const [only, ...others] = names;
  if (only === undefined || others.length > 0) return null;
  const found = among.filter((each) => each.module === module && `${each.type}.${each.name}` === only);
  return found.length > 0 && found.every((each) => each.type === type) ? found : null;
}

/** The key by which attachments name a policy that the plan makes. */
export function planKey({ address, spot }: PlanResource): string {
  return `${spot.document.file}#${address}`;
}

/** The argument as a text; null where it is none, or not known. */
export function textOf(resource: PlanResource, name: string): string | null {
  const value = planned(resource, name);
  return typeof value === "object" && typeof value.value === "string" ? value.value : null;
}

export function listAt(value: unknown, name: string): readonly unknown[] {
  const list = at(value, name);
  return Array.isArray(list) ? list : [];
}
