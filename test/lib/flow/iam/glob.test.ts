import { describe, expect, it } from "vitest";
import { compilePattern, matchPattern, subjectOf } from "../../../../src/lib/flow/iam/glob.ts";
import { parseTemplate, type Match } from "../../../../src/lib/flow/template.ts";
import { seededNumbers } from "../../../support/seeded.ts";

const glob = (pattern: string, text: string, isArn = false): Match =>
  matchPattern(compilePattern(pattern, [{ glob: pattern }], isArn), subjectOf(parseTemplate(text)));

describe("a pattern of IAM", () => {
  it.each([
    ["a", "a", "yes"],
    ["a", "b", "no"],
    ["a", "ab", "no"],
    ["", "", "yes"],
    ["*", "", "yes"],
    ["?", "", "no"],
    ["?", "é", "yes"],
    ["?", "🙂", "yes"],
    ["a*c", "abc/d/c", "yes"],
    ["a*c", "abd", "no"],
    ["a?c", "abc", "yes"],
    ["a.c", "abc", "no"],
    ["[a]", "a", "no"],
    ["a*", "{x}", "maybe"],
    ["*", "{x}", "yes"],
    ["a*", "a{x}", "yes"],
    ["a*b", "a{x}", "maybe"],
    ["a*b", "c{x}", "no"],
    ["a*b", "a{x}b", "yes"],
    ["a?b", "a{x}b", "maybe"],
    ["ab", "a{x}b", "maybe"],
    ["abc", "ab{x}d", "no"],
    ["a?", "a?", "yes"],
    ["ab", "a?", "maybe"],
    ["a*", "a?*", "yes"],
    ["a?*", "a*", "maybe"],
  ] as const)("%j on %j: %s", (pattern, text, match) => {
    expect(glob(pattern, text)).toBe(match);
  });

  // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
  it.each([
    ["arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1/2/test/object.jpg", "yes"],
    ["arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1///test///object.jpg", "yes"],
    ["arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1/.jpg", "no"],
    ["arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1-test/object.jpg", "no"],
    ["arn:aws:logs:*:*:log-group:/app/*", "arn:aws:logs:eu-central-1:1:log-group:/app/x:log-stream:y", "yes"],
    ["arn:aws:dynamodb:*:table/prod-*", "arn:aws:dynamodb:us-east-1:111122223333:table/prod-x", "yes"],
    ["arn:aws:ec2:eu-*-1:1:instance/*", "arn:aws:ec2:eu-central-1:1:instance/i-1", "yes"],
    ["arn:aws:ec2:eu-*-1:1:instance/*", "arn:aws:ec2:us-central-1:1:instance/i-1", "no"],
    ["arn:aws:ec2:e*t/*", "arn:aws:ec2:eu-central-1:1:instance/x", "no"],
    ["arn:aws:ec2:e*e/*", "arn:aws:ec2:eu-central-1:1:instance/x", "maybe"],
    ["arn?aws:s3:::b", "arn:aws:s3:::b", "maybe"],
    ["arn:aws:ec2:*:*:instance/*", "arn:aws:ec2:{region}:1:instance/{id}", "yes"],
    ["arn:aws:ec2:eu-west-1:*:instance/*", "arn:aws:ec2:{region}:1:instance/{id}", "maybe"],
    ["arn:aws:s3:::b/*", "arn:aws:ec2:{region}:1:instance/{id}", "no"],
    ["arn:aws:ec2:*", "*", "maybe"],
    ["*", "*", "yes"],
  ] as const)("%j as an ARN on %j: %s", (pattern, text, match) => {
    expect(glob(pattern, text, true)).toBe(match);
  });

  it("never says more of a subject with holes than all texts that may stand there say", () => {
    const below = seededNumbers(7);
    const word = (letters: string): string =>
      Array.from({ length: below(5) }, () => letters[below(letters.length)] as string).join("");
    const fills = ["", "a", "b", "ab", "ba", ":", "a:b", "bb"];
    const seen = { yes: 0, no: 0, maybe: 0 };
    for (let round = 0; round < 20_000; round += 1) {
      const [pattern, before, after] = [word("ab*?:"), word("ab:"), word("ab:")];
      const isArn = below(2) === 0;
      const whole = glob(pattern, `${before}{x}${after}`, isArn);
      const each = fills.map((fill) => glob(pattern, before + fill + after, isArn));
      const others = each.filter((match) => whole !== "maybe" && match !== whole);
      expect([pattern, before, after, others]).toEqual([pattern, before, after, []]);
      seen[whole] += 1;
    }
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(300);
  });

  it("says of a text that is known what a regular expression says", () => {
    const below = seededNumbers(8);
    const word = (letters: string, most: number): string =>
      Array.from({ length: below(most) }, () => letters[below(letters.length)] as string).join("");
    for (let round = 0; round < 20_000; round += 1) {
      const [pattern, text] = [word("ab*?", 7), word("ab", 9)];
      const expression = new RegExp(`^${pattern.replaceAll("*", ".*").replaceAll("?", ".")}$`);
      expect([pattern, text, glob(pattern, text)]).toEqual([pattern, text, expression.test(text) ? "yes" : "no"]);
    }
  });

  it("ends soon on wildcards that make others try for ever", () => {
    expect(glob(`${"*a".repeat(500)}b`, "a".repeat(2_000))).toBe("no");
    expect(glob(`${"*?".repeat(500)}b`, `${"a".repeat(1_000)}{x}${"a".repeat(1_000)}`)).toBe("no");
  });
});
