import { describe, expect, it } from "vitest";
import { askText, choose, type Ask } from "../../src/commands/ask.ts";

/** Answers one after another, and keeps what was shown before each question. */
function person(...answers: readonly string[]): { readonly ask: Ask; readonly shown: (readonly string[])[] } {
  const shown: (readonly string[])[] = [];
  const left = [...answers];
  return {
    shown,
    ask: async (lines) => {
      shown.push(lines);
      const answer = left.shift();
      if (answer === undefined) throw new Error("nobody was to be asked");
      return answer;
    },
  };
}

const choicesOf = (...values: readonly string[]) => ({
  title: "Fruit:",
  question: "Which? ",
  choices: values.map((value) => ({ value, line: `${value} (a fruit)` })),
});
const many = choicesOf(...Array.from({ length: 10_000 }, (_, index) => `fruit-${String(index).padStart(4, "0")}`));

describe("choose", () => {
  it.each([
    ["by its number", "2", "pear"],
    ["by its name", "pear", "pear"],
    ["with blanks around it", "  pear\t", "pear"],
  ])("takes a value %s", async (_what, answer, chosen) => {
    const { ask, shown } = person(answer);
    expect(await choose(ask, choicesOf("apple", "pear"))).toBe(chosen);
    expect(shown).toEqual([["Fruit:", "   1  apple (a fruit)", "   2  pear (a fruit)"]]);
  });

  it("shows those that an answer is part of, numbered anew, and chooses none for being alone", async () => {
    const { ask, shown } = person("P", "pea", "1");
    expect(await choose(ask, choicesOf("apple", "lemon", "pear"))).toBe("pear");
    expect(shown.slice(1)).toEqual([["   1  apple (a fruit)", "   2  pear (a fruit)"], ["   1  pear (a fruit)"]]);
  });

  it("tells what was perhaps meant, and asks again", async () => {
    const { ask, shown } = person("paer", "x".repeat(200), "9", "pear");
    expect(await choose(ask, choicesOf("apple", "pear"))).toBe("pear");
    expect(shown.slice(1)).toEqual([
      ['"paer" is none of them. Did you mean pear?'],
      [`"${"x".repeat(80)}" is none of them.`],
      ['"9" is none of them.'],
    ]);
  });

  it("shows 20 of ten thousand, takes no number of one that it did not show, and finds the rest by a part", async () => {
    const { ask, shown } = person("21", "999", "2");
    expect(await choose(ask, many)).toBe("fruit-1999");
    expect(shown.map((lines) => [lines.length, lines.at(-1)])).toEqual([
      [22, "      and 9980 more; type a part of what you look for"],
      [21, "      and 279 more; type a part of what you look for"],
      [19, "  19  fruit-9999 (a fruit)"],
    ]);
  });

  it("numbers nothing where a value is a number itself", async () => {
    const { ask, shown } = person("2");
    expect(await choose(ask, choicesOf("2", "apple"))).toBe("2");
    expect(shown).toEqual([["Fruit:", "  2 (a fruit)", "  apple (a fruit)"]]);
  });

  it("gives up after ten answers that choose nothing", async () => {
    const { ask, shown } = person(...Array.from({ length: 10 }, () => ""));
    await expect(choose(ask, choicesOf("apple", "pear"))).rejects.toMatchObject({ kind: "usage", code: "unanswered" });
    expect(shown).toHaveLength(10);
  });
});

describe("askText", () => {
  const even = (answer: string): string | null => (answer.length % 2 === 0 ? null : "An even number of letters.");

  it("asks again until nothing is wrong with the answer", async () => {
    const { ask, shown } = person("a", "abc", " ab ");
    expect(await askText(ask, "What? ", even)).toBe("ab");
    expect(shown).toEqual([[], ["An even number of letters."], ["An even number of letters."]]);
  });

  it("gives up after ten answers", async () => {
    const { ask } = person(...Array.from({ length: 10 }, () => "a"));
    await expect(askText(ask, "What? ", even)).rejects.toMatchObject({ kind: "usage", code: "unanswered" });
  });
});
