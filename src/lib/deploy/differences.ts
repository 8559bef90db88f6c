import { isJsonObject } from "../json/members.ts";

/** One field of a manifest that the cluster has otherwise. */
export interface Difference {
  /** `spec.template.spec.containers[0].image`. */
  readonly path: string;
  readonly wanted: unknown;
  /** Null for a field that is not there. */
  readonly found: unknown;
}

/**
 * Which fields that are wanted have another value, or are not there? What the cluster adds to an object is nothing; lists
 * are compared item by item, and one of another length as a whole.
 */
export function differences(wanted: unknown, found: unknown, path = ""): readonly Difference[] {
  if (Array.isArray(wanted)) return listDifferences(wanted, found, path);
  if (isJsonObject(wanted)) {
    if (!isJsonObject(found)) return [{ path, wanted, found: found ?? null }];
    return Object.entries(wanted).flatMap(([name, value]) =>
      differences(value, Object.hasOwn(found, name) ? found[name] : null, join(path, name)),
    );
  }
  // Null is what a field is that nobody sets.
  return wanted === (found ?? null) ? [] : [{ path, wanted, found: found ?? null }];
}

function listDifferences(wanted: readonly unknown[], found: unknown, path: string): readonly Difference[] {
  // The API leaves out a list without items.
  const items: unknown = found ?? [];
  if (!Array.isArray(items) || items.length !== wanted.length) return [{ path, wanted, found: found ?? null }];
  return wanted.flatMap((value, index) => differences(value, items[index] as unknown, `${path}[${index}]`));
}

function join(path: string, name: string): string {
  if (!/^[A-Za-z0-9_-]+$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === "" ? name : `${path}.${name}`;
}
