import { hash } from "node:crypto";
import type { Declared, ImportedDeclaration } from "../../policy/registry.ts";
import { canonical } from "./canonical.ts";

/** 12 hex characters of what a declaration says, in whatever order and layout it says it. */
export function declarationDigest({ readOnly, destructive, bounds }: Declared): string {
  const content = JSON.stringify(canonical({ readOnly, destructive, bounds }));
  return hash("sha256", content).slice(0, 12);
}

/** Has somebody changed it since it was imported? */
export function isEdited(declared: ImportedDeclaration): boolean {
  return declarationDigest(declared) !== declared.digest;
}
