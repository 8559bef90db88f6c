import { spawnSync } from "node:child_process";

/**
 * May tests that need this shell run? Without it they are skipped, which is said on stderr; with
 * MCPCTL_REQUIRE_SERVERS=1 the answer is always yes, and they fail.
 */
export function shellAvailable(shell: "bash" | "busybox" | "zsh" | "fish"): boolean {
  if (process.env["MCPCTL_REQUIRE_SERVERS"] === "1") return true;
  const args = shell === "busybox" ? ["sh", "-c", "true"] : ["-c", "true"];
  if (spawnSync(shell, args, { stdio: "ignore" }).status === 0) return true;
  process.stderr.write(`NOT TESTED in ${shell}: it is not installed (apt-get install ${shell})\n`);
  return false;
}
