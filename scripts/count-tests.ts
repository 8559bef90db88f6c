import { readFile } from "node:fs/promises";
import { relative } from "node:path";

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/** Counts the tests of several runs, each test once: failed if it failed anywhere, else passed if it passed anywhere. */
const statuses = new Map<string, Set<string>>();
for (const path of process.argv.slice(2)) {
  const report = JSON.parse(await readFile(path, "utf8")) as Report;
  for (const file of report.testResults) {
    for (const { fullName, status } of file.assertionResults) {
      const name = JSON.stringify([relative(process.cwd(), file.name), fullName]);
      statuses.set(name, (statuses.get(name) ?? new Set()).add(status));
    }
  }
}
const all = [...statuses.values()];
const failed = all.filter((seen) => seen.has("failed")).length;
const passed = all.filter((seen) => seen.has("passed") && !seen.has("failed")).length;
process.stdout.write(`${passed} passed, ${failed} failed, ${all.length - passed - failed} skipped\n`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
