import { describe, expect, it } from "vitest";
import { atMost, visible, visibleLine } from "../../../../src/lib/output/report/visible.ts";
import { NASTY } from "../../../support/check-report.ts";
import { mintedKeys } from "../../../support/run-cli.ts";

describe("visible text", () => {
  it.each([
    ["what anyone can see", "ü 日本 😀 |`<&%\\", "ü 日本 😀 |`<&%\\"],
    ["controls", "\u001b[2J\r\n\t\u0000\u009b", "\\u001b[2J\\u000d\\u000a\\u0009\\u0000\\u009b"],
    ["what turns or hides text", "a\u202eb\u200bc\ufeff\u{e0041}", "a\\u202eb\\u200bc\\ufeff\\u{e0041}"],
    ["line ends of other worlds", "\u0085\u2028\u2029", "\\u0085\\u2028\\u2029"],
    ["half characters, and what is none", "\ud800 \udc00 \uffff", "\\ud800 \\udc00 \\uffff"],
  ])("shows %s", (_what, text, shown) => {
    expect(visible(text)).toBe(shown);
  });

  it.each(NASTY)("of %j is one line that holds what it shows", (text) => {
    expect(visible(text)).toMatch(/^[^\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]*$/u);
    expect(visible(visible(text))).toBe(visible(text));
  });

  it("holds no token", () => {
    const [key] = mintedKeys(1);
    expect(visible(`a ${key?.token.reveal()}\u001b`)).toBe(`a [${key?.id}]\\u001b`);
  });

  it("keeps the tabs of a line", () => {
    expect(visibleLine("\t- a\u001b\tb")).toBe("\t- a\\u001b\tb");
  });

  it.each([
    ["abcd", 4, "abcd"],
    ["abcde", 4, "abc…"],
    ["ab😀de", 4, "ab…"],
    ["😀😀", 4, "😀😀"],
  ])("cuts %s at %i, and no character in two", (text, length, cut) => {
    expect(atMost(text, length)).toBe(cut);
  });
});
