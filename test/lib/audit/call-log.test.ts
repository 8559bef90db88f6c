import { describe, expect, it } from "vitest";
import { CallLog, type LogCounts } from "../../../src/lib/audit/call-log.ts";
import type { RecordedCall } from "../../../src/lib/audit/recorded-call.ts";
import { SeenRecords } from "../../../src/lib/audit/seen-records.ts";
import { auditLine, auditLog } from "../../support/audit-lines.ts";
import { seededNumbers } from "../../support/seeded.ts";

interface Reading {
  readonly counts: LogCounts;
  readonly taken: readonly RecordedCall[];
}

function readLog(texts: readonly string[], since: number | null = null): Reading {
  const taken: RecordedCall[] = [];
  const log = new CallLog({ since, take: (call) => taken.push(call) });
  for (const text of texts) log.addLines(text);
  return { counts: log.end(), taken };
}

const NOTHING: LogCounts = {
  unreadable: 0,
  foreign: 0,
  repeated: 0,
  unchecked: 0,
  older: 0,
  records: 0,
  unfinished: 0,
  unsampled: 0,
  missing: 0,
  instances: 0,
  first: null,
  last: null,
};
const AT = Date.parse("2026-11-20T09:00:00.245Z");
const ids = ({ taken }: Reading): readonly string[] => taken.map(({ requestId, phase }) => `${requestId} ${phase}`);

const a = { request_id: "req_aaaaaa" };
const b = { request_id: "req_bbbbbb" };
const start = { phase: "start" } as const;

describe("an audit log", () => {
  it("that is empty, or all blank lines, holds nothing", () => {
    expect(readLog(["", "\n\r\n \n"])).toEqual({ counts: NOTHING, taken: [] });
  });

  it("gives each call, tells when the first and the last was, and what was no record", () => {
    const lines = auditLog([{ unsampled: 3 }, { ts: "2026-11-20T08:00:00.000Z", unsampled: 1 }]);
    const reading = readLog([`${lines.replaceAll("\n", "\r\n")}{"level":"info"}\nhalf of a rec`]);
    expect(ids(reading)).toEqual(["req_000000000000 final", "req_000000000001 final"]);
    const first = Date.parse("2026-11-20T08:00:00Z");
    expect(reading.counts).toEqual({
      ...NOTHING,
      records: 2,
      foreign: 1,
      unreadable: 1,
      unsampled: 4,
      instances: 1,
      first,
      last: AT,
    });
  });

  it("that is there twice counts once", () => {
    const log = auditLog([{}, start, {}, {}]);
    expect(readLog([log, log]).counts).toEqual({ ...readLog([log]).counts, repeated: 4 });
  });

  it.each([
    ["in their order", [auditLine({ ...a, ...start, seq: 1 }), auditLine({ ...a, seq: 2 })]],
    ["backwards", [auditLine({ ...a, seq: 2 }), auditLine({ ...a, ...start, seq: 1 })]],
  ])("has one call for a start and a final record, %s", (_order, lines) => {
    const reading = readLog(lines);
    expect(ids(reading)).toEqual(["req_aaaaaa final"]);
    expect(reading.counts).toEqual({ ...NOTHING, records: 2, instances: 1, first: AT, last: AT });
  });

  it("has a call for a start record alone, given at the end", () => {
    const reading = readLog([auditLine({ ...a, ...start, seq: 1 }), auditLine({ ...b, seq: 2 })]);
    expect(ids(reading)).toEqual(["req_bbbbbb final", "req_aaaaaa start"]);
    expect(reading.counts).toEqual({ ...NOTHING, records: 2, unfinished: 1, instances: 1, first: AT, last: AT });
  });

  it("is read from an instant on, and still knows how far it reaches back", () => {
    const log = auditLog([{ ts: "2026-11-20T08:59:59.999Z" }, { ts: "2026-11-20T09:00:00.000Z" }]);
    const reading = readLog([log], Date.parse("2026-11-20T09:00:00Z"));
    expect(ids(reading)).toEqual(["req_000000000001 final"]);
    expect(reading.counts).toMatchObject({ records: 2, older: 1, first: Date.parse("2026-11-20T08:59:59.999Z") });
  });

  it.each([
    ["none is missing", [1, 2, 3], null, 0],
    ["some between are", [1, 5, 7], null, 4],
    ["what came before the first is not asked for", [4, 5], null, 0],
    ["the first is old enough", [4, 5], AT, 0],
    ["what came before the first would be young enough to count", [4, 5], AT - 1, 3],
  ])("tells how many records are missing: %s", (_what, sequence, since, missing) => {
    const log = auditLog(sequence.map((seq) => ({ seq })));
    expect(readLog([log], since).counts.missing).toBe(missing);
  });

  it("counts each gateway process for itself", () => {
    const log = auditLog([
      { instance: "gw-a", seq: 7 },
      { instance: "gw-b", seq: 1 },
      { instance: "gw-a", seq: 8 },
    ]);
    expect(readLog([log]).counts).toMatchObject({ instances: 2, missing: 0 });
  });
});

describe("SeenRecords", () => {
  it("knows what was there before, and nothing else, as a set does", () => {
    const seen = new SeenRecords();
    const set = new Set<string>();
    const pick = seededNumbers(3);
    for (let round = 0; round < 50_000; round += 1) {
      const name = `req_${pick(30_000)}`;
      const kind = 1 + pick(2);
      expect(seen.has(name, kind)).toBe(set.has(`${name} ${kind}`));
      expect(seen.add(name, kind)).toBe(!set.has(`${name} ${kind}`));
      set.add(`${name} ${kind}`);
    }
    expect(seen.forgotten).toBe(0);
  });

  it("takes no more memory than it may, and tells what it does not know", () => {
    const seen = new SeenRecords(2 ** 12);
    const added = Array.from({ length: 3000 }, (_, index) => seen.add(`req_${index}`, 1));
    expect(added).not.toContain(false);
    expect(seen.forgotten).toBe(3000 - 2 ** 11);
    expect([seen.add("req_0", 1), seen.add("req_2999", 1)]).toEqual([false, true]);
  });
});
