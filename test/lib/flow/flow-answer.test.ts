import { describe, expect, it } from "vitest";
import { flowAnswer, type FlowAnswer, type Layer } from "../../../src/lib/flow/flow-answer.ts";
import type { ToolAnswer } from "../../../src/lib/flow/judge-tool.ts";
import type { Decision } from "../../../src/lib/policy/decide.ts";

type Outcome = Decision["outcome"];

const lower = (kubernetes: Outcome, aws: Outcome, beyond: string | null = null): ToolAnswer => ({
  need: { kind: "exact", kubernetes: [], aws: [], beyond },
  kubernetes: { outcome: kubernetes, why: null, account: null, items: [] },
  aws: { outcome: aws, why: null, role: null, assume: null, items: [] },
});
const gateway = (outcome: Outcome): Decision => ({ outcome }) as Decision;
const answer = (outcomes: readonly [Outcome, Outcome, Outcome], only: Layer | null = null): FlowAnswer =>
  flowAnswer(gateway(outcomes[0]), lower(outcomes[1], outcomes[2]), only);

describe("flowAnswer", () => {
  it.each<[Outcome, Outcome, Outcome, Outcome, Layer | null, readonly Layer[]]>([
    ["allow", "allow", "allow", "allow", null, []],
    ["deny", "allow", "allow", "deny", "gateway", []],
    ["allow", "deny", "deny", "deny", "kubernetes", ["aws"]],
    ["deny", "deny", "deny", "deny", "gateway", ["kubernetes", "aws"]],
    ["allow", "allow", "deny", "deny", "aws", []],
    ["unknown", "deny", "allow", "deny", "kubernetes", []],
    ["allow", "unknown", "deny", "deny", "aws", []],
    ["allow", "unknown", "allow", "unknown", null, []],
    ["unknown", "allow", "allow", "unknown", null, []],
    ["allow", "allow", "unknown", "unknown", null, []],
  ])("of %s, %s, %s is %s, stopped by %s", (first, second, third, outcome, stoppedBy, alsoStoppedBy) => {
    expect(answer([first, second, third])).toEqual({ outcome, stoppedBy, alsoStoppedBy });
  });

  it("heeds one layer alone where that is asked", () => {
    expect(answer(["deny", "allow", "unknown"], "kubernetes").outcome).toBe("allow");
    expect(answer(["allow", "deny", "unknown"], "aws")).toEqual({
      outcome: "unknown",
      stoppedBy: null,
      alsoStoppedBy: [],
    });
  });

  it("is the gateway's for a backend alone", () => {
    expect(flowAnswer(gateway("allow"), null, "gateway").outcome).toBe("allow");
  });

  it("never says yes where a system that cannot be asked decides after all layers", () => {
    const database = lower("allow", "allow", "the database's grants");
    expect(flowAnswer(gateway("allow"), database, null).outcome).toBe("unknown");
    expect(flowAnswer(gateway("deny"), database, null).outcome).toBe("deny");
    expect(flowAnswer(gateway("allow"), database, "kubernetes").outcome).toBe("allow");
  });
});
