import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A git repository with the examples' role file and registry in its first commit. */
export class GitProject {
  readonly folder: string;
  /** Beside the repository, for what is not part of it. */
  readonly temp: string;
  readonly #root: string;

  constructor() {
    this.#root = realpathSync(mkdtempSync(join(tmpdir(), "mcpctl-git-")));
    this.folder = join(this.#root, "work");
    this.temp = join(this.#root, "temp");
    for (const folder of [this.folder, this.temp]) mkdirSync(folder);
    this.git("init", "--quiet", "--initial-branch=main");
    for (const name of ["roles.yaml", "backends.yaml"]) copyFileSync(join("examples", name), join(this.folder, name));
    this.commit("first");
  }

  git(...args: readonly string[]): string {
    const env = {
      PATH: process.env["PATH"],
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_NOSYSTEM: "1",
      ...Object.fromEntries(["AUTHOR", "COMMITTER"].map((who) => [`GIT_${who}_NAME`, "tester"])),
      ...Object.fromEntries(["AUTHOR", "COMMITTER"].map((who) => [`GIT_${who}_EMAIL`, "tester@example.com"])),
    };
    return execFileSync("git", args, { cwd: this.folder, env, encoding: "utf8" }).trim();
  }

  /** Commits all that changed and tells the commit. */
  commit(message: string): string {
    this.git("add", "--all");
    this.git("commit", "--quiet", "--message", message);
    return this.git("rev-parse", "HEAD");
  }

  edit(file: string, change: (text: string) => string): void {
    const path = join(this.folder, file);
    writeFileSync(path, change(readFileSync(path, "utf8")));
  }

  remove(): void {
    rmSync(this.#root, { recursive: true });
  }
}
