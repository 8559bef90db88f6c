import { realpath } from "node:fs/promises";
import { AppError } from "../../lib/errors.ts";
import { readFileBytesSync } from "../../lib/files/read-file.ts";
import { replaceFile } from "../../lib/files/write-file.ts";

import type { CheckReport } from "../../lib/policy/check-report.ts";
import { mend } from "../../lib/policy/mend.ts";
import { checkPolicy } from "../../lib/policy/rules/check-policy.ts";
import { MAX_POLICY_BYTES } from "../../lib/policy/source.ts";
import type { Result } from "../result.ts";
import type { CheckedFiles } from "./check-request.ts";

interface Change {
  readonly path: string;
  readonly label: string;
  readonly before: string;
  readonly after: string;
}

/** Mends the files where they lie; the report is of what they say afterwards. @throws AppError when one cannot be written */
export async function fixFiles(
  request: CheckedFiles,
): Promise<{ readonly report: CheckReport; readonly notes: readonly string[] }> {
  const mended = mend(request);
  const changes = changesOf(request, mended);
  for (const change of changes) await write(change);
  const notes = changes.map(({ label }) => `Mended ${label}.`);
  return { report: checkPolicy(mended), notes: notes.length === 0 ? ["There was nothing to mend."] : notes };
}

/** The patch that {@link fixFiles} would make, for `git apply`. */
export async function showPatch(request: CheckedFiles): Promise<Result> {
  const { unifiedDiff } = await import("../../lib/output/unified-diff.ts");
  const changes = changesOf(request, mend(request));
  const patch = changes.map(({ label, before, after }) => unifiedDiff(label, before, after)).join("");
  return {
    view: { data: { patch }, text: () => patch },
    notes: patch === "" ? ["There is nothing to mend."] : [],
  };
}

function changesOf(before: CheckedFiles, after: ReturnType<typeof mend>): readonly Change[] {
  const files = [...before.roles, before.registry].map(({ source }, index) => ({
    path: [...before.paths, before.registryPath][index] ?? null,
    label: source.file,
    before: source.text,
    after: ([...after.roles, after.registry][index] ?? { source }).source.text,
  }));
  return files.flatMap(({ path, ...file }): readonly Change[] => {
    if (file.before === file.after) return [];
    if (path !== null) return [{ path, ...file }];
    throw new AppError("usage", "fix_stdin", "standard input cannot be mended where it lies", { hint: "Name a file." });
  });
}

/** A file that somebody changed meanwhile is left as it is. */
async function write({ path, label, before, after }: Change): Promise<void> {
  const target = await realpath(path);
  if (Buffer.compare(readFileBytesSync(target, "the file", MAX_POLICY_BYTES), Buffer.from(before)) !== 0) {
    throw new AppError("conflict", "file_changed", `${label} was changed meanwhile, and nothing in it was mended`, {
      hint: "Run it again.",
    });
  }
  await replaceFile(target, after, `${target}.${process.pid}.tmp`);
}
