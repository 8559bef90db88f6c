import type { Backend } from "../registry.ts";
import type { Grant } from "../role-file.ts";
import type { ToolGap } from "./tool-sets.ts";

/** One grant of one role, before and after. */
export interface GrantChange {
  readonly backend: string;
  /** Null where the role did not list the backend, or does not any more. */
  readonly before: Grant | null;
  readonly after: Grant | null;
  /** What the registry says of the backend on each side; null where it lacks it, and a grant of it grants nothing. */
  readonly backendBefore: Backend | null;
  readonly backendAfter: Backend | null;
  /** Whether a call is possible now that was not, and the other way round; both where the two cannot be compared. */
  readonly grows: boolean;
  readonly shrinks: boolean;
  /** Whether what grew or shrank writes, and whether it is in production. */
  readonly isWrite: boolean;
  readonly isProduction: boolean;
  /** A tool that is reachable now and was not, and the other way round; none where the whole grant came or went. */
  readonly gained: ToolGap;
  readonly lost: ToolGap;
  /** What the registry now says otherwise, for people: `access ro -> rw`. */
  readonly registry: readonly string[];
}

export interface RoleChange {
  readonly role: string;
  readonly kind: "added" | "removed" | "renamed" | "changed";
  /** What it was called, where it was renamed. */
  readonly from: string | null;
  /** What grew and writes to production first. */
  readonly grants: readonly GrantChange[];
}

/** A backend that the registry gained, lost, or describes otherwise. */
export interface BackendChange {
  readonly backend: string;
  readonly kind: "added" | "removed" | "changed";
  readonly what: readonly string[];
}

export interface PolicyDiff {
  readonly roles: readonly RoleChange[];
  readonly backends: readonly BackendChange[];
}

export function grantChanges({ roles }: PolicyDiff): readonly GrantChange[] {
  return roles.flatMap(({ grants }) => grants);
}
