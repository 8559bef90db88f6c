import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";

/** Copies what a commit of this repository would hold now, and nothing that is built, as one who takes a tag gets it. */
export function copyCheckout(folder: string): void {
  const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
  const files = execFileSync("git", list, { encoding: "utf8" }).split("\0");
  for (const file of files.filter((name) => name !== "")) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(file, join(folder, file));
  }
}
