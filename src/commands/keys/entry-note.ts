import type { EntryNote } from "../../lib/keys/key-store.ts";
import { redactText } from "../../lib/audit/redact.ts";
import { formatTime } from "../../lib/time.ts";
import type { Ports } from "../ports.ts";

/** What stands beside an entry: when, by whom as they say themselves, and why; a token in the reason becomes its id. */
export function entryNote(
  { author }: Pick<Ports, "author">,
  now: number,
  action: EntryNote["action"],
  reason: string | undefined,
  secret: string | null = null,
): EntryNote {
  const note = { action, at: formatTime(now), author, ...(secret === null ? {} : { secret }) };
  return reason === undefined ? note : { ...note, reason: redactText(reason) };
}
