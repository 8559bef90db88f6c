import { walkMembers, endOfValue } from "../json/raw-json.ts";
import { NamePool } from "./name-pool.ts";
import { CALL_MEMBERS, callOf, isRecordType, type CallMembers, type RecordedCall } from "./recorded-call.ts";
import { scanRecord } from "./scan-record.ts";
import { TimestampReader } from "./timestamp.ts";

/** `blank` for a line of nothing but space, `foreign` for JSON that is no audit record, `unreadable` for all else that is none. */
export type RecordReading = RecordedCall | "blank" | "foreign" | "unreadable";

const WANTED: ReadonlySet<string> = new Set(CALL_MEMBERS);

/** What a kubelet writes before each line of a container (CRI log format), up to the line itself. */
const CRI = /^\S{1,64} std(?:out|err) F /;

/** Space as JSON has it. */
const BLANK = /^[ \t\r\n]*$/;

/** Under which name a line stands in what others make of it: `logcli -o jsonl`, and Docker's json-file driver. */
const WRAPPED_IN = ["line", "log"] as const;

/** Reads the lines of audit logs, one after another. */
export class RecordReader {
  readonly #timestamps = new TimestampReader();
  readonly #names = new NamePool();

  /**
   * What does the line at these offsets say? Names are strings of their own; the ids of request and instance may be slices
   * of the text, and keep all of it in memory.
   */
  read(text: string, start: number, end: number): RecordReading {
    const members = scanRecord(text, start, end);
    if (members === null) return this.#readOther(text.slice(start, end), true);
    return this.#reading(members);
  }

  #reading(members: CallMembers): RecordReading {
    if (!isRecordType(members.type)) return "foreign";
    return callOf(members, this.#timestamps, this.#names) ?? "unreadable";
  }

  #readOther(line: string, mayBeWrapped: boolean): RecordReading {
    const text = mayBeWrapped ? line.replace(CRI, "") : line;
    if (BLANK.test(text)) return "blank";
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return "unreadable";
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) return "foreign";
    const members = membersOf(text, value);
    if (members === null) return "unreadable";
    const inner = members.type === undefined && mayBeWrapped ? wrappedIn(value) : null;
    return inner === null ? this.#reading(members) : this.#readOther(inner, false);
  }
}

/** The members that are wanted; null when one of them stands twice, for readers differ on which one counts. */
function membersOf(text: string, value: object): CallMembers | null {
  const names = new Set<string>();
  let isTwice = false;
  walkMembers(text, 0, (name, _nameAt, valueAt) => {
    if (WANTED.has(name)) {
      isTwice ||= names.has(name);
      names.add(name);
    }
    return endOfValue(text, valueAt);
  });
  if (isTwice) return null;
  return Object.fromEntries(CALL_MEMBERS.filter((name) => names.has(name)).map((name) => [name, own(value, name)]));
}

function wrappedIn(value: object): string | null {
  for (const name of WRAPPED_IN) {
    const inner = own(value, name);
    if (typeof inner === "string") return inner;
  }
  return null;
}

function own(value: object, name: string): unknown {
  return Object.hasOwn(value, name) ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}
