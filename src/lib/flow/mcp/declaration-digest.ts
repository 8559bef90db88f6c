import { hash } from "node:crypto";
import type { Declared, ImportedDeclaration } from "../../policy/registry.ts";

/** 12 hex characters of what a declaration says, in whatever order and layout it says it. */
export function declarationDigest({ readOnly, destructive, bounds }: Declared): string {
  const content = JSON.stringify(sorted({ readOnly, destructive, bounds }));
  return hash("sha256", content).slice(0, 12);
}

/** Has somebody changed it since it was imported? */
export function isEdited(declared: ImportedDeclaration): boolean {
  return declarationDigest(declared) !== declared.digest;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return entries.map(([name, member]) => [name, sorted(member)] as const);
}
