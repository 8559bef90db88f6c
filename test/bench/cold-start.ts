import { spawnSync } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spread } from "./statistics.ts";

const ROUNDS = 25;
const LAUNCHER = join(process.cwd(), "bin", "mcpctl.js");

/** How long do commands take from start to end, as a ratio to `node -e 0`? Every answer is checked; rounds alternate. */
export async function coldStart(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "mcpctl-bench-"));
  try {
    await cp("examples", folder, { recursive: true });
    run(folder, [LAUNCHER, "keys", "create", "--role", "dev-readonly", "--user", "bench", "-o", "token"], 0);
    const commands: readonly (readonly [string, readonly string[], number, number])[] = [
      ["node -e 0", ["-e", "0"], 0, 1],
      ["can dev-readonly eks-ro", [LAUNCHER, "can", "dev-readonly", "eks-ro"], 0, 2],
      ["can dev-readonly eks-ro eks_get_pods", [LAUNCHER, "can", "dev-readonly", "eks-ro", "eks_get_pods"], 0, 2],
      ["roles check", [LAUNCHER, "roles", "check"], 0, 2],
      ["keys list (file)", [LAUNCHER, "keys", "list"], 0, 2],
    ];
    const times = commands.map((): number[] => []);
    for (let round = 0; round < ROUNDS; round += 1) {
      commands.forEach(([, args, exit], index) => times[index]?.push(run(folder, args, exit)));
    }
    const base = times[0] as number[];
    commands.forEach(([name, , , bar], index) => {
      const each = times[index] as number[];
      const ratios = each.map((time, round) => time / (base[round] as number));
      process.stdout.write(
        `  ${name.padEnd(38)} ${spread(each, 0, " ms").padEnd(26)} ratio ${spread(ratios, 2)}  bar ${bar}\n`,
      );
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

function run(cwd: string, args: readonly string[], exit: number): number {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
  const elapsed = performance.now() - start;
  if (status !== exit) throw new Error(`${args.join(" ")} ended with ${status}: ${stderr}`);
  return elapsed;
}
