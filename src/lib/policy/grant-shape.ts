import type { Grant, Role } from "./role-file.ts";

/** The same text for the same grants, in whatever order they stand. */
export function roleShape(role: Role): string {
  return JSON.stringify([...role.grants.values()].map(grantShape).toSorted());
}

/** The same text for the same grant; of a whole one its backend's name, which can be no other's text. */
export function grantShape({ backend, tools }: Grant): string {
  if (tools === null) return backend;
  return JSON.stringify([backend, tools.allow?.toSorted() ?? null, tools.deny.toSorted()]);
}
