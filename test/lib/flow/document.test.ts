import { describe, expect, it } from "vitest";
import { readDocuments } from "../../../src/lib/flow/document.ts";

const read = (text: string): ReturnType<typeof readDocuments> => readDocuments("f.yaml", Buffer.from(text));
const messages = (text: string): readonly string[] => read(text).findings.map(({ message }) => message);

describe("readDocuments", () => {
  it("tells where a part of a YAML document stands", () => {
    const { documents } = read("---\nkind: A\n---\nkind: B\nrules:\n  - verbs: [get]\n  - verbs: [list, watch]\n");
    expect(documents.map(({ value }) => value)).toEqual([
      { kind: "A" },
      { kind: "B", rules: [{ verbs: ["get"] }, { verbs: ["list", "watch"] }] },
    ]);
    const [, second] = documents;
    expect(second?.placeOf(["rules", 1])).toEqual({ file: "f.yaml", line: 7, column: 5 });
    expect(second?.placeOf(["rules", 1, "verbs", 1])).toEqual({ file: "f.yaml", line: 7, column: 19 });
    expect(second?.placeOf(["rules", 9, "verbs"])).toEqual({ file: "f.yaml", line: 5, column: 1 });
    expect(second?.placeOf([])).toEqual({ file: "f.yaml", line: 4, column: 1 });
  });

  it("tells where a part of a JSON document stands", () => {
    const [only] = read('{"items": [{"a": 1},\n {"a": [2, 3]}]}').documents;
    expect(only?.placeOf(["items", 1, "a", 1])).toEqual({ file: "f.yaml", line: 2, column: 12 });
    expect(only?.placeOf(["items", 2])).toEqual({ file: "f.yaml", line: 1, column: 11 });
    expect(only?.placeOf(["none"])).toEqual({ file: "f.yaml", line: 1, column: 1 });
  });

  it("reads what Kubernetes tools read: merge keys, dates as texts, a flow mapping, nothing", () => {
    expect(read("a: &x {b: 1}\nc: {<<: *x, d: 2}\n").documents.map(({ value }) => value)).toEqual([
      { a: { b: 1 }, c: { b: 1, d: 2 } },
    ]);
    expect(read("a: 2026-01-01\nb: !!str 7\nc: !Ref d\n").documents.map(({ value }) => value)).toEqual([
      { a: "2026-01-01", b: "7", c: "d" },
    ]);
    expect(read("{a: b}").documents.map(({ value }) => value)).toEqual([{ a: "b" }]);
    expect(read("# nothing\n---\n").documents).toEqual([]);
  });

  it("has no name that means something to JavaScript", () => {
    const [yaml] = read("__proto__: {polluted: true}\n").documents;
    expect(Object.keys(yaml?.value as object)).toEqual(["__proto__"]);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it.each([
    ["a: [", "Flow sequence in block collection must be sufficiently indented and end with a ]"],
    ["a: 1\na: 2\n", 'the name "a" stands twice'],
    ['{"a": 1, "a": 2}', 'the name "a" stands twice'],
    ["1: a\n'1': b\n", 'the name "1" stands twice'],
    ["~: a\n'': b\n", 'the name "" stands twice'],
    ["a: *nothing\n", "this is an alias of nothing"],
    ["a: &x\n  b: [*x]\n", "this alias repeats what it stands in"],
    ["a: &x 1\n*x : 2\n", "a name is a text, and no alias, list or object"],
    ["? [a]\n: 1\n", "a name is a text, and no alias, list or object"],
    ["<<: 7\n", "it merges what is no object"],
    ["a: &x 1\n<<: [*x]\n", "it merges what is no object"],
    ["a: !!set {b}\n", "!!set is nothing that JSON has"],
    ["a: !!omap [b: 1]\n", "!!omap is nothing that JSON has"],
    ["a: !!pairs [b: 1]\n", "!!pairs is nothing that JSON has"],
    ["a: !!binary aGk=\n", "!!binary is nothing that JSON has"],
    ["a: !!timestamp 2026-01-01\n", "!!timestamp is nothing that JSON has"],
    ["a: !!js/function x\n", "!!js/function is nothing that JSON has"],
  ])("refuses %j", (text, message) => {
    expect(messages(text)[0]).toBe(message);
  });

  it("stops at more YAML than the memory holds, which whole JSON is not", () => {
    const many = `[${"1,".repeat(1_000_001)}1`;
    const told = ["this is no JSON, and too much YAML to be read; write it as JSON (`kubectl get -o json`)"];
    expect([messages(many), messages(`${many}]`), messages(`a: ${many}]`)]).toEqual([told, [], told]);
    expect(readDocuments("f", Buffer.from("a: 1\nb: [2, 3]\n"), 2).findings.map(({ message }) => message)).toEqual(
      told,
    );
    expect(readDocuments("f", Buffer.from("a: 1\nb: [2, 3]\n"), 3).size).toBe(3);
  });

  it("stops at an alias bomb, at great depth, and at what is not UTF-8", () => {
    const bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let level = 1; level < 12; level += 1) {
      const before = `*a${level - 1}`;
      bomb.push(`a${level}: &a${level} [${Array.from({ length: 10 }, () => before).join(", ")}]`);
    }
    const tooMuch = ["nested too deeply, or with too many aliases, to be read"];
    expect(messages(bomb.join("\n"))).toEqual(tooMuch);
    expect(messages("[".repeat(100_000))).toContain("nested too deeply to be read");
    expect(readDocuments("f", Uint8Array.of(0xff)).findings[0]?.message).toBe("the file is not UTF-8");
  });
});
