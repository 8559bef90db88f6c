import { AppError } from "../../lib/errors.ts";
import { replaceUnchanged } from "../../lib/files/replace-unchanged.ts";
import type { CheckReport } from "../../lib/policy/check-report.ts";
import type { Repair } from "../../lib/policy/fixes.ts";
import { patchOf } from "../../lib/policy/line-edits.ts";
import { mend, type Mended } from "../../lib/policy/mend.ts";
import { checkPolicy } from "../../lib/policy/rules/check-policy.ts";
import { MAX_POLICY_BYTES } from "../../lib/policy/source.ts";
import type { Result } from "../result.ts";
import type { CheckedFiles } from "./check-request.ts";

interface Change extends Repair {
  readonly path: string;
  readonly label: string;
}

/** Mends the files where they lie; the report is of what they say afterwards. @throws AppError when one cannot be written */
export async function fixFiles(
  request: CheckedFiles,
): Promise<{ readonly report: CheckReport; readonly notes: readonly string[] }> {
  const mended = mend(request);
  const changes = changesOf(request, mended);
  for (const change of changes) await replaceUnchanged({ ...change, maxBytes: MAX_POLICY_BYTES });
  const notes = changes.map(({ label }) => `Mended ${label}.`);
  return { report: checkPolicy(mended.request), notes: notes.length === 0 ? ["There was nothing to mend."] : notes };
}

/** The patch that {@link fixFiles} would make, for `git apply`. */
export function showPatch(request: CheckedFiles): Result {
  const changes = changesOf(request, mend(request));
  const patch = changes.map(({ label, before, edits }) => patchOf(label, before, edits)).join("");
  return {
    view: { data: { patch }, text: () => patch },
    notes: patch === "" ? ["There is nothing to mend."] : [],
  };
}

function changesOf({ paths, roles, registry, registryPath }: CheckedFiles, { repairs }: Mended): readonly Change[] {
  return repairs.flatMap((repair, index): readonly Change[] => {
    if (repair.edits.size === 0) return [];
    const path = index < paths.length ? (paths[index] ?? null) : registryPath;
    if (path !== null) return [{ ...repair, path, label: (roles[index] ?? registry).source.file }];
    throw new AppError("usage", "fix_stdin", "standard input cannot be mended where it lies", { hint: "Name a file." });
  });
}
