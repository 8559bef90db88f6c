import { NOTE_ACTIONS, type EntryNote } from "../keys/key-store.ts";
import { parseObjectRef } from "../cluster/object-ref.ts";
import { parseTime } from "../time.ts";

/** Longest Description that SSM keeps. */
const MAX_LENGTH = 1024;
const MAX_AUTHOR_LENGTH = 256;
const ELLIPSIS = "...";
const ACTIONS: ReadonlySet<string> = new Set(NOTE_ACTIONS);
/** Control characters, line separators and bidirectional controls: they could forge what a terminal shows. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu;

/**
 * The note as one JSON line of at most 1,024 characters, each of them printable ASCII and none a brace within
 * a text: AWS does not say which characters a Description may hold. A long reason is cut, with `...`.
 */
export function formatNote(note: EntryNote): string {
  const author = note.author === undefined ? {} : { author: shorten(clean(note.author), MAX_AUTHOR_LENGTH) };
  const secret = note.secret === undefined ? {} : { secret: note.secret };
  const rest = { action: note.action, at: note.at, ...author, ...secret };
  if (note.reason === undefined) return encode(rest);
  const room = MAX_LENGTH - encode({ ...rest, reason: "" }).length;
  return encode({ ...rest, reason: shorten(clean(note.reason), room) });
}

/** Reads a Description; null unless it is a note as {@link formatNote} writes it. Anybody may have written it. */
export function parseNote(description: string | undefined): EntryNote | null {
  if (description === undefined || description.length > MAX_LENGTH) return null;
  const { action, at, reason, author, secret } = parseObject(description);
  if (typeof action !== "string" || !ACTIONS.has(action)) return null;
  if (typeof at !== "string" || parseTime(at) === null) return null;
  if (!isOptionalText(reason) || !isOptionalText(author)) return null;
  if (secret !== undefined && (typeof secret !== "string" || parseObjectRef(secret)?.resource !== "secrets"))
    return null;
  return {
    action: action as EntryNote["action"],
    at,
    ...(reason === undefined ? {} : { reason }),
    ...(author === undefined ? {} : { author }),
    ...(secret === undefined ? {} : { secret }),
  };
}

function parseObject(text: string): Readonly<Partial<Record<keyof EntryNote, unknown>>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || (typeof value === "string" && value === clean(value));
}

function clean(text: string): string {
  return text.toWellFormed().replace(UNPRINTABLE, " ");
}

/** The longest beginning, in whole code points, that takes at most `room` characters once encoded. */
function shorten(text: string, room: number): string {
  if (encodedLength(text) <= room) return text;
  let left = room - ELLIPSIS.length;
  let kept = "";
  for (const point of text) {
    left -= encodedLength(point);
    if (left < 0) break;
    kept += point;
  }
  return kept + ELLIPSIS;
}

function encodedLength(text: string): number {
  return quote(text).length - 2;
}

function encode(note: Readonly<Record<string, string>>): string {
  const members = Object.entries(note).map(([name, text]) => `${quote(name)}:${quote(text)}`);
  return `{${members.join(",")}}`;
}

/** A JSON string of printable ASCII without braces. */
function quote(text: string): string {
  return JSON.stringify(text).replace(/[^ -z|~]/g, escapeUnit);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
