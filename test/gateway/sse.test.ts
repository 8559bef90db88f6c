import { describe, expect, it } from "vitest";
import { SseCutter, withData, type SseEvent } from "../../src/gateway/mcp/sse.ts";

const cut = (...chunks: readonly string[]): readonly (readonly SseEvent[] | null)[] => {
  const cutter = new SseCutter(100);
  return chunks.map((chunk) => cutter.push(Buffer.from(chunk, "latin1")));
};

const event = (raw: string, data: string | null): SseEvent => ({ raw, data });

describe("SseCutter", () => {
  it.each([
    { what: "line feeds", text: "data: a\n\n", data: "a" },
    { what: "both", text: "data:a\r\n\r\n", data: "a" },
    { what: "carriage returns", text: "data: a\r\r", data: "a" },
    { what: "several lines of data", text: "data: a\nid: 1\ndata\ndata:  b\n\n", data: "a\n\n b" },
    { what: "several lines of data and both", text: "id: 1\r\ndata: a\r\ndata: b\r\n\r\n", data: "a\nb" },
    { what: "no data", text: ": comment\nretry: 5\n\n", data: null },
  ])("reads an event with $what, whole or letter by letter", ({ text, data }) => {
    const whole = cut(text)[0] ?? [];
    const pieces = cut(...text.split("")).flatMap((events) => events ?? []);
    expect([whole.map((found) => found.data), pieces.map((found) => found.data)]).toEqual([[data], [data]]);
    expect(whole[0]?.raw).toBe(text);
  });

  it("loses no byte between events", () => {
    const text = "data: 1\r\n\r\n\n: x\n\ndata: 2\r\r\ndata: 3\n\n";
    const raw = cut(...text.split("")).flatMap((events) => (events ?? []).map((found) => found.raw));
    expect(raw.join("")).toBe(text);
  });

  it("keeps a letter of several bytes that comes in two chunks", () => {
    const bytes = Buffer.from("data: \u00e4\n\n");
    const cutter = new SseCutter(100);
    expect([cutter.push(bytes.subarray(0, 7)), cutter.push(bytes.subarray(7))]).toEqual([
      [],
      [event("data: \u00e4\n\n", "\u00e4")],
    ]);
  });

  it("reads a byte order mark at the start of the stream, and nowhere else", () => {
    const cutter = new SseCutter(100);
    const data = [cutter.push(Buffer.from("\ufeffdata: a\n\n")), cutter.push(Buffer.from("\ufeffdata: b\n\n"))];
    expect(data.map((events) => events?.map((found) => found.data))).toEqual([["a"], [null]]);
  });

  it("looks at each chunk once, however long the event is", () => {
    // Twelve megabytes in pieces of a kilobyte: at a cost that grows with its square this would take minutes.
    const cutter = new SseCutter(16 * 1024 * 1024);
    const chunk = Buffer.from("x".repeat(1024));
    cutter.push(Buffer.from("data: "));
    for (let sent = 0; sent < 12 * 1024; sent += 1) expect(cutter.push(chunk)).toEqual([]);
    expect(cutter.push(Buffer.from("\n\n"))?.[0]?.data?.length).toBe(12 * 1024 * 1024);
  });

  it("gives up on an event without end", () => {
    expect(cut("data: ", "x".repeat(200))).toEqual([[], null]);
  });
});

describe("withData", () => {
  it("replaces the data and keeps the other lines", () => {
    expect(withData(event("id: 1\r\ndata: a\r\ndata: b\r\nevent: message\r\n\r\n", "a\nb"), "c")).toBe(
      "id: 1\nevent: message\ndata: c\n\n",
    );
  });

  it("drops lines in which some client would find data of their own", () => {
    const raw = ": note\u2028data: hidden\n\ufeffdata: hidden\nid: 1\u0085data: hidden\nretry: 5\ndata: a\n\n";
    expect(withData(event(raw, "a"), "c")).toBe("retry: 5\ndata: c\n\n");
  });
});
