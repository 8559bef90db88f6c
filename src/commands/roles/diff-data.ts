import type { KeyEffect } from "../../lib/policy/diff/key-effects.ts";
import type { GrantChange, RoleChange } from "../../lib/policy/diff/policy-diff.ts";
import type { ToolGap } from "../../lib/policy/diff/tool-sets.ts";
import { changeWords, kindOf, summarizeDiff } from "./diff-words.ts";
import { formatTime } from "../../lib/time.ts";
import type { Comparison, RecordedUses } from "./diff-view.ts";
import { logData } from "./log-words.ts";

/** What `-o json` prints (schemas/output/roles-diff.schema.json). */
export function diffData(comparison: Comparison): object {
  const { before, after, diff, effects, uses, failedOn } = comparison;
  return {
    before,
    after,
    summary: summarizeDiff(comparison),
    roles: diff.roles.map(roleData),
    backends: diff.backends.map(({ backend, kind, what }) => ({ backend, change: kind, what })),
    keys: effects?.map(effectData) ?? null,
    uses: uses === null ? null : usesData(uses),
    failed_on: failedOn,
  };
}

function roleData({ role, kind, from, grants }: RoleChange): object {
  return { role, change: kind, from, grants: grants.map(grantData) };
}

function grantData(change: GrantChange): object {
  const { backend, before, after, grows, shrinks, isWrite, isProduction, gained, lost, registry } = change;
  return {
    backend,
    change: kindOf(change),
    grows,
    shrinks,
    is_write: isWrite,
    is_production: isProduction,
    gained_tool: gapData(gained),
    lost_tool: gapData(lost),
    registry,
    tools_before: before?.tools ?? null,
    tools_after: after?.tools ?? null,
    place_before: before?.place ?? null,
    place_after: after?.place ?? null,
    words: changeWords(change),
  };
}

/** An example; null where there is none, or where the rules were too intricate to find one. */
function gapData(gap: ToolGap): string | null {
  return gap.kind === "some" ? gap.tool : null;
}

function usesData({ since, counts, lost }: RecordedUses): object {
  return {
    since: formatTime(since),
    log: logData(counts),
    lost: lost.map((use) => ({ ...use, last: formatTime(use.last) })),
  };
}

function effectData({ role, keys, effect }: KeyEffect): object {
  return { role, effect, keys: keys.map(({ id, user }) => ({ id, user })) };
}
