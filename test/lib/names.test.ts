import { describe, expect, it } from "vitest";
import { isBackendName, isRoleName, isUserName } from "../../src/lib/names.ts";
import { Secret } from "../../src/lib/secret.ts";
import { nearest } from "../../src/lib/suggest.ts";
import { inspect } from "node:util";

describe("names", () => {
  it.each([
    ["a", "role user backend"],
    ["0", "role user backend"],
    ["a".repeat(63), "role user backend"],
    ["eks-ro", "role user backend"],
    ["a-", "role user backend"],
    ["a.b", "role user"],
    ["a_b", "role user"],
    ["a@b", "user"],
    ["", ""],
    ["a".repeat(64), ""],
    ["A", ""],
    ["-a", ""],
    [".a", ""],
    ["a b", ""],
    ["a/b", ""],
    ["a\n", ""],
    ["ä", ""],
    ["ａ", ""],
  ])("%j may be: %s", (text, expected) => {
    const kinds = [isRoleName(text) && "role", isUserName(text) && "user", isBackendName(text) && "backend"];
    expect(kinds.filter(Boolean).join(" ")).toBe(expected);
  });
});

describe("nearest", () => {
  it.each([
    ["dev-redonly", "dev-readonly"],
    ["dev-raedonly", "dev-readonly"],
    ["DEV-readonly", "dev-readonly"],
    ["devops-ful", "devops-full"],
    ["eks", "eks"],
  ])("finds for %s the name %s", (text, expected) => {
    expect(nearest(text, ["devops-full", "dev-readonly", "eks"])).toBe(expected);
  });

  it.each(["production", "", "xyz"])("finds nothing near %j", (text) => {
    expect(nearest(text, ["devops-full", "dev-readonly", "eks"])).toBeNull();
    expect(nearest(text, [])).toBeNull();
  });

  it("takes the first of two that are equally near", () => {
    expect(nearest("eks-rx", ["eks-ro", "eks-rw"])).toBe("eks-ro");
  });
});

describe("Secret", () => {
  it("gives its value to reveal alone", () => {
    const secret = new Secret("s3cret");
    expect(secret.reveal()).toBe("s3cret");
    const shown = [
      String(secret),
      [secret].join(""),
      JSON.stringify({ secret }),
      inspect(secret),
      inspect({ a: [secret] }),
    ];
    expect(shown).toEqual(["[secret]", "[secret]", '{"secret":"[secret]"}', "[secret]", "{ a: [ [secret] ] }"]);
    expect(Object.keys(secret)).toEqual([]);
  });
});
