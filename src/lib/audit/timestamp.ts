const TIMESTAMP = /^\d{4}-\d{2}-\d{2}T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;
const DAY_LENGTH = 10;
const HOUR_MS = 3_600_000;

/** Reads times of records. Most are of the same day as the one before, whose beginning is remembered. */
export class TimestampReader {
  #day = "";
  #dayMs = 0;

  /** Which instant does a record's `ts` name? Milliseconds since 1970; null unless it is as the gateway writes it, and a real date. */
  read(text: string): number | null {
    if (!TIMESTAMP.test(text)) return null;
    if (!text.startsWith(this.#day) || this.#day === "") {
      const day = text.slice(0, DAY_LENGTH);
      const dayMs = Date.parse(day);
      if (Number.isNaN(dayMs) || !new Date(dayMs).toISOString().startsWith(day)) return null;
      [this.#day, this.#dayMs] = [day, dayMs];
    }
    const seconds = number(text, 14, 2) * 60 + number(text, 17, 2);
    return this.#dayMs + number(text, 11, 2) * HOUR_MS + seconds * 1000 + number(text, 20, 3);
  }
}

/** The number that these digits are. */
function number(text: string, from: number, length: number): number {
  let value = 0;
  for (let at = from; at < from + length; at += 1) value = value * 10 + text.charCodeAt(at) - 0x30;
  return value;
}
