import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { AuditRecord } from "../lib/audit/record.ts";
import { AppError } from "../lib/errors.ts";

const PATIENCE_MS = 10_000;

/** Follows the gateway's audit file, record by record. */
export class AuditTail {
  readonly #path: string;
  #seen = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Every final record so far. */
  async all(): Promise<readonly AuditRecord[]> {
    const text = await readFile(this.#path, "utf8");
    const lines = text
      .slice(0, text.lastIndexOf("\n") + 1)
      .split("\n")
      .slice(0, -1);
    return lines.map((line) => JSON.parse(line) as AuditRecord).filter(({ phase }) => phase === "final");
  }

  /** The first new record that fits; what came before it is passed over. */
  async next(fits: (record: AuditRecord) => boolean): Promise<AuditRecord> {
    const deadline = performance.now() + PATIENCE_MS;
    while (performance.now() < deadline) {
      const records = await this.all();
      const index = records.findIndex((record, at) => at >= this.#seen && fits(record));
      if (index >= 0) {
        this.#seen = index + 1;
        return records[index] as AuditRecord;
      }
      await delay(5);
    }
    throw new AppError("unavailable", "demo_audit_missing", "the gateway wrote no audit record of a call");
  }
}
