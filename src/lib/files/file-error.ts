import { AppError, type ErrorKind } from "../errors.ts";

interface Row {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly text: string;
  readonly hint: string;
}

const MAX_LABEL = 4_096;

/** What an operating system's error code means here. */
const BY_CODE: Readonly<Record<string, Row>> = {
  ENOENT: {
    kind: "not-found",
    code: "file_not_found",
    text: "does not exist",
    hint: "Check the path, or make it first.",
  },
  ENOTDIR: {
    kind: "invalid",
    code: "path_not_folder",
    text: "lies below something that is not a folder",
    hint: "Check the path.",
  },
  ELOOP: {
    kind: "invalid",
    code: "path_loops",
    text: "is a symbolic link that leads nowhere",
    hint: "Mend the link.",
  },
  ENAMETOOLONG: {
    kind: "invalid",
    code: "path_too_long",
    text: "has a name that is too long for any file",
    hint: "Check the path.",
  },
  // Node's own, for a path with a NUL character in it.
  ERR_INVALID_ARG_VALUE: {
    kind: "invalid",
    code: "path_impossible",
    text: "has a name that no file can have",
    hint: "Check the path.",
  },
  EISDIR: { kind: "invalid", code: "path_is_folder", text: "is a folder", hint: "Name a file." },
  EEXIST: {
    kind: "conflict",
    code: "file_exists",
    text: "exists already",
    hint: "Name a new file; an existing one is never overwritten.",
  },
  EACCES: {
    kind: "unavailable",
    code: "file_not_permitted",
    text: "may not be accessed by this user",
    hint: "Check the permissions of the file and of its folder.",
  },
  EPERM: {
    kind: "unavailable",
    code: "file_not_permitted",
    text: "may not be accessed by this user",
    hint: "Check the permissions of the file and of its folder.",
  },
  EROFS: {
    kind: "unavailable",
    code: "file_not_permitted",
    text: "lies on a read-only file system",
    hint: "Name a place that can be written.",
  },
  ENOSPC: {
    kind: "unavailable",
    code: "disk_full",
    text: "cannot be written, the disk is full",
    hint: "Free some space and repeat.",
  },
  EDQUOT: {
    kind: "unavailable",
    code: "disk_full",
    text: "cannot be written, the quota is used up",
    hint: "Free some space and repeat.",
  },
  EFBIG: {
    kind: "unavailable",
    code: "disk_full",
    text: "cannot be written, it would be larger than this process may make a file",
    hint: "Raise the limit and repeat.",
  },
  EPIPE: {
    kind: "unavailable",
    code: "pipe_closed",
    text: "was closed by the program that read it",
    hint: "Keep the reader running until mcpctl ends.",
  },
};

/** The AppError for a failed file operation; an AppError passes unchanged, and so does what is no system error. */
export function fileError(error: unknown, label: string, verb: "read" | "write"): unknown {
  if (error instanceof AppError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : null;
  if (code === null || !/^E(?:[A-Z0-9]+|RR_INVALID_ARG_VALUE)$/.test(code)) return error;
  const row = BY_CODE[code];
  if (row !== undefined)
    return new AppError(row.kind, row.code, `${shortened(label)} ${row.text}`, { hint: row.hint, cause: error });
  return new AppError(
    "unavailable",
    "file_failed",
    `${label} could not be ${verb === "read" ? "read" : "written"} (${code})`,
    { cause: error },
  );
}

/** A path that somebody wrote may have any length. */
function shortened(label: string): string {
  return label.length > MAX_LABEL ? `${label.slice(0, MAX_LABEL)}...` : label;
}

export function isFileErrorCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
