import { execFile } from "node:child_process";
import { statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { AppError } from "../errors.ts";
import { MAX_POLICY_BYTES } from "../policy/source.ts";

/** A commit of the repository that a path lies in. */
export interface Commit {
  readonly root: string;
  readonly id: string;
}

/**
 * Which commit is meant by this name of a branch, tag or commit? Of the repository that `cwd` lies in, where `path` lies in it
 * too, else of that of `path`. The repository is found by its `.git` alone, from the outside of what is compared: a change
 * could bring a bare repository or a submodule along, in which every name means what it likes.
 * @throws AppError invalid where that is no repository, not-found where it has no such commit, unavailable without git
 */
export async function findCommit(path: string, ref: string, cwd: string): Promise<Commit> {
  const here = findRoot(cwd);
  const root = here !== null && !relative(here, path).startsWith("..") ? here : findRoot(dirname(path));
  if (root === null) {
    throw new AppError("invalid", "not_a_repository", `${dirname(path)} is in no git repository`, {
      hint: "Name two files, or run it where the role file is under version control.",
    });
  }
  const id = (await git(root, ["rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`]))
    ?.toString()
    .trim();
  if (id !== undefined && /^[0-9a-f]{40,64}$/.test(id)) return { root, id };
  const isShallow = (await git(root, ["rev-parse", "--is-shallow-repository"]))?.toString().trim() === "true";
  throw new AppError("not-found", "ref_not_found", `the repository has no commit "${ref.slice(0, 80)}"`, {
    hint: isShallow
      ? "This clone is shallow: fetch the commit, in GitHub Actions with `fetch-depth: 0` for actions/checkout."
      : "Fetch it, or name another branch, tag or commit.",
  });
}

/** The nearest folder from here upwards that holds a `.git`, which no change can bring along. */
function findRoot(from: string): string | null {
  for (let folder = from; ; folder = dirname(folder)) {
    if (statSync(join(folder, ".git"), { throwIfNoEntry: false }) !== undefined) return folder;
    if (folder === dirname(folder)) return null;
  }
}

/**
 * What a file was at a commit; null where it was not. Its path is taken as it is written: where a folder has become a symbolic
 * link, the file that was there before is meant, and not the one that the link leads to.
 * @throws AppError invalid for what is no file, or lies elsewhere
 */
export async function readAtCommit({ root, id }: Commit, path: string): Promise<Uint8Array | null> {
  const file = relative(root, path);
  if (file.startsWith("..")) {
    throw new AppError("invalid", "path_outside", `${path} lies outside of the repository ${root}`, {
      hint: "Name a file of the repository.",
    });
  }
  const listing = (await git(root, ["ls-tree", "-z", "--end-of-options", id, "--", file]))?.toString() ?? "";
  if (listing === "") return null;
  const [, mode, blob] = /^(\d{6}) blob ([0-9a-f]{40,64})\t/.exec(listing) ?? [];
  if (blob === undefined || mode === "120000") {
    throw new AppError("invalid", "path_not_file", `${file} is a folder or a symbolic link at ${id.slice(0, 12)}`, {
      hint: "Name the file itself.",
    });
  }
  const content = await git(root, ["cat-file", "blob", blob]);
  if (content !== null) return content;
  throw new AppError("unavailable", "git_failed", `git has not the content of ${file} at ${id.slice(0, 12)}`, {
    hint: "The clone is partial: fetch it in full.",
  });
}

/**
 * Runs git without a shell, and reads neither the user's nor the machine's configuration: whoever checks sees the same.
 * Nothing is fetched. Null where git says no.
 */
function git(root: string, args: readonly string[]): Promise<Buffer | null> {
  const options = {
    cwd: root,
    encoding: "buffer",
    maxBuffer: MAX_POLICY_BYTES + 1024,
    env: {
      PATH: process.env["PATH"],
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_NO_LAZY_FETCH: "1",
      GIT_OPTIONAL_LOCKS: "0",
      GIT_TERMINAL_PROMPT: "0",
      LC_ALL: "C",
    },
  } as const;
  // In CI the clone often belongs to another user; only objects are read of it, and no hook or filter runs.
  const all = [
    `--git-dir=${join(root, ".git")}`,
    `--work-tree=${root}`,
    "--no-pager",
    "--literal-pathspecs",
    "-c",
    "safe.directory=*",
    ...args,
  ];
  return new Promise((done, fail) => {
    execFile("git", all, options, (error, stdout) => {
      if (error === null) done(stdout);
      else if (typeof error.code === "number") done(null);
      else fail(gitError(error));
    });
  });
}

function gitError(error: Error & { code?: string | number | null }): AppError {
  if (error.code === "ENOENT") {
    return new AppError("unavailable", "git_missing", "git is not installed, or not in PATH", {
      hint: "Install git, or name two files.",
      cause: error,
    });
  }
  if (error.code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER") {
    return new AppError("invalid", "file_too_large", "the file is larger than 64 MiB at that commit", { cause: error });
  }
  return new AppError("unavailable", "git_failed", "git ended before it answered", { cause: error });
}
