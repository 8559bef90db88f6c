import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { expectedAnswers, writeMatrixProject, type ExpectedAnswer } from "./matrix-project.ts";
import { spread } from "./statistics.ts";

const ROUNDS = 5;
const LAUNCHER = join(process.cwd(), "bin", "mcpctl.js");

/** How long does `can --matrix -o json` of 200,000 answers take, from start to end? Each answer is compared once. */
export async function canMatrix(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "mcpctl-bench-"));
  try {
    await writeMatrixProject(folder);
    run(folder, [LAUNCHER, "can", "--matrix", "-o", "json"], "answers.json");
    compare(
      (JSON.parse(await readFile(join(folder, "answers.json"), "utf8")) as { answers: ExpectedAnswer[] }).answers,
    );
    const [times, ratios]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      const base = run(folder, ["-e", "0"], "/dev/null");
      const time = run(folder, [LAUNCHER, "can", "--matrix", "-o", "json"], "/dev/null");
      times.push(time / 1_000);
      ratios.push(time / base);
    }
    process.stdout.write(
      `  50 roles x 200 backends x 20 tools  ${spread(times, 2, " s")}  bar 3; ratio to node -e 0 ${spread(ratios, 0)}\n`,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

function compare(answers: readonly ExpectedAnswer[]): void {
  const expected = expectedAnswers();
  if (answers.length !== expected.length) throw new Error(`${answers.length} answers instead of ${expected.length}`);
  for (const [index, { role, backend, tool, answer, gateway, kubernetes, aws }] of answers.entries()) {
    const told = { role, backend, tool, answer, gateway, kubernetes, aws };
    if (!isDeepStrictEqual(told, expected[index]))
      throw new Error(`${JSON.stringify(told)} instead of ${JSON.stringify(expected[index])}`);
  }
}

/** Milliseconds. */
function run(cwd: string, args: readonly string[], out: string): number {
  const file = openSync(join(out.startsWith("/") ? "" : cwd, out), "w");
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", file, "pipe"],
  });
  const elapsed = performance.now() - start;
  closeSync(file);
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}: ${stderr}`);
  return elapsed;
}
