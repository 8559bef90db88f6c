import { isProduction, type Backend } from "../registry.ts";
import type { Grant } from "../role-file.ts";
import { grantShape } from "../grant-shape.ts";
import { isWrite, type OpenGrant } from "../rules/subject.ts";
import { changedFields } from "./diff-backends.ts";
import type { GrantChange } from "./policy-diff.ts";
import { newEffort, toolGap, type Effort, type ToolGap } from "./tool-sets.ts";

/** A grant and what the registry says of its backend, on one side of a change. */
export interface GrantSide {
  readonly grant: Grant | null;
  readonly backend: Backend | null;
}

const NO_GAP: ToolGap = { kind: "none" };

/** What of one grant changed? Null where nothing did. At least one side has the grant. */
export function diffGrant(before: GrantSide, after: GrantSide, effort = newEffort()): GrantChange | null {
  const [old, now] = [openOf(before), openOf(after)];
  const fields = old === null || now === null ? [] : changedFields(old.backend, now.backend);
  const isSameText =
    before.grant !== null && after.grant !== null && grantShape(before.grant) === grantShape(after.grant);
  if (isSameText && fields.length === 0 && (old === null) === (now === null)) return null;
  const [gained, lost] = [gapBetween(now, old, effort), gapBetween(old, now, effort)];
  const grows = isMore(old, now, gained) || fields.some((field) => field.grows);
  const shrinks = isMore(now, old, lost) || fields.some((field) => field.shrinks);
  const meant = [grows || !shrinks ? now : null, shrinks || !grows ? old : null].filter((side) => side !== null);
  return {
    backend: (after.grant ?? before.grant)?.backend ?? "",
    before: before.grant,
    after: after.grant,
    backendBefore: before.backend,
    backendAfter: after.backend,
    grows,
    shrinks,
    isWrite: meant.some(isWrite),
    isProduction: meant.some(({ backend }) => isProduction(backend)),
    gained,
    lost,
    registry: fields.map(({ text }) => text),
  };
}

/** Null where nothing is granted: no line, or a backend that the registry lacks. */
function openOf({ grant, backend }: GrantSide): OpenGrant | null {
  return grant === null || backend === null ? null : { grant, backend };
}

/** Nothing where a side is missing: then it is the whole grant that came or went. */
function gapBetween(one: OpenGrant | null, other: OpenGrant | null, effort: Effort): ToolGap {
  return one === null || other === null ? NO_GAP : toolGap(one.grant.tools, other.grant.tools, effort);
}

/** Is a call possible now that was not? A whole grant lets through methods, too, that no narrowed one does. */
function isMore(old: OpenGrant | null, now: OpenGrant | null, gained: ToolGap): boolean {
  if (now === null) return false;
  return old === null || gained.kind !== "none" || (old.grant.tools !== null && now.grant.tools === null);
}
