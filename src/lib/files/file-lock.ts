import { closeSync, constants, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "../errors.ts";
import { fileError, isFileErrorCode } from "./file-error.ts";

/** How long to wait for another process before giving up. */
const PATIENCE_MS = 30_000;
const SQLITE_BUSY = 5;

/**
 * Runs `work` while no other process holds the lock of this path. The lock is SQLite's exclusive file lock,
 * which the kernel drops when its holder dies: nothing can be left locked (docs/decisions/0002-file-lock.md).
 * @throws AppError unavailable when the lock is not to be had within 30 seconds or its file cannot be made.
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const lock = openLock(path);
  try {
    await acquire(lock, path, signal);
    return await work();
  } finally {
    lock.close();
  }
}

/** A lock that is held until it is closed, or its process dies. */
export interface HeldLock {
  close(): void;
}

/**
 * Holds the lock of this path, or null while another process does.
 * @throws AppError unavailable when its file cannot be made
 */
export function tryFileLock(path: string): HeldLock | null {
  const lock = openLock(path);
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    if (sqliteCode(error) === SQLITE_BUSY) return null;
    throw lockFailed(path, error);
  }
}

function openLock(path: string): DatabaseSync {
  try {
    // Whoever may read the file may lock it and keep others from revoking, so only its owner may.
    closeSync(openSync(path, constants.O_RDONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600));
    return new DatabaseSync(path);
  } catch (error) {
    if (isFileErrorCode(error, "ELOOP")) {
      throw new AppError("unavailable", "store_lock_failed", `the lock file ${path} is a symbolic link`, {
        hint: "Somebody put it there; remove it.",
        cause: error,
      });
    }
    throw lockFailed(path, error);
  }
}

async function acquire(lock: DatabaseSync, path: string, signal: AbortSignal | undefined): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      lock.exec("BEGIN EXCLUSIVE");
      return;
    } catch (error) {
      if (sqliteCode(error) !== SQLITE_BUSY) throw lockFailed(path, error);
      if (performance.now() > deadline) {
        throw new AppError(
          "unavailable",
          "store_locked",
          `another process has held ${path} for ${PATIENCE_MS / 1000} seconds`,
          {
            hint: "See who uses it (fuser, lsof) and repeat.",
            cause: error,
          },
        );
      }
    }
    // Jitter, so that many waiting processes do not knock in step.
    await delay(2 + Math.random() * 18);
    if (signal?.aborted === true)
      throw new AppError(
        "interrupted",
        "interrupted",
        "interrupted while waiting for another process; nothing was changed",
      );
  }
}

function sqliteCode(error: unknown): number | null {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number"
    ? error.errcode & 0xff
    : null;
}

function lockFailed(path: string, error: unknown): unknown {
  return sqliteCode(error) === null
    ? fileError(error, `lock file ${path}`, "write")
    : new AppError("unavailable", "store_lock_failed", `the lock file ${path} cannot be used`, {
        hint: "Check that its folder can be written and is on a local disk.",
        cause: error,
      });
}
