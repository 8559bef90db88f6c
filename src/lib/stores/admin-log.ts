import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { validate as isAdminLine } from "../../generated/admin-log.js";
import { AppError } from "../errors.ts";
import { fileError, isFileErrorCode } from "../files/file-error.ts";
import { readFileBytesIfAnySync } from "../files/read-file.ts";
import type { EntryNote } from "../keys/key-store.ts";

/** One line of admin.jsonl: what was about to be changed, or what became of it. */
export interface AdminLine {
  readonly phase: "intent" | "outcome";
  readonly ts: string;
  /** The same in intent and outcome; an intent without outcome is a process that died between. */
  readonly change_id: string;
  readonly action: EntryNote["action"];
  /** The operating system's user. */
  readonly by: string;
  readonly entry: string;
  readonly key_id: string;
  readonly role: string;
  readonly user: string | null;
  readonly reason: string | null;
  /** What the writer claims: when, and who. */
  readonly at: string;
  readonly author: string | null;
  readonly outcome: "done" | "failed" | null;
}

/** Never through a link that somebody planted. */
const APPEND = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * Adds lines and waits until they are on the disk. The caller holds the store's lock.
 * @throws AppError unavailable when it cannot be written: nothing is changed that is not recorded.
 */
export async function appendAdminLines(path: string, lines: readonly AdminLine[]): Promise<void> {
  await appendLines(path, lines);
}

/** The same for lines of any shape. @throws AppError unavailable */
export async function appendLines(path: string, lines: readonly object[]): Promise<void> {
  try {
    await using file = await open(path, APPEND, 0o600);
    const { size } = await file.stat();
    // A line that a crash cut short must not swallow this one.
    const last = size === 0 ? "\n" : String((await file.read({ buffer: Buffer.alloc(1), position: size - 1 })).buffer);
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    await file.appendFile(`${last === "\n" ? "" : "\n"}${text}`);
    await file.sync();
  } catch (error) {
    // Refused by O_NOFOLLOW, wherever it leads.
    if (isFileErrorCode(error, "ELOOP"))
      throw new AppError("unavailable", "admin_log_link", `the admin log ${path} is a symbolic link`, {
        hint: "Put a file in its place, or remove it.",
        cause: error,
      });
    throw fileError(error, `the admin log ${path}`, "write");
  }
}

/** Every readable line, in order; a line that is not one of ours is left out. */
export async function readAdminLines(path: string): Promise<readonly AdminLine[]> {
  const bytes = readFileBytesIfAnySync(path, "the admin log", MAX_BYTES);
  if (bytes === null) return [];
  const lines: AdminLine[] = [];
  // A crash may have cut a line, and with it a character, short.
  for (const text of new TextDecoder().decode(bytes).split("\n")) {
    const line = parseLine(text);
    if (line !== null) lines.push(line);
  }
  return lines;
}

function parseLine(text: string): AdminLine | null {
  try {
    const value: unknown = JSON.parse(text);
    return isAdminLine(value) ? (value as AdminLine) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw new AppError("invalid", "admin_log_unreadable", "the admin log cannot be read", { cause: error });
  }
}
