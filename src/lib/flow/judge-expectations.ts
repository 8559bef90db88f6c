import type { Policy } from "../policy/decide.ts";
import type { Expectation, PolicyTest } from "../policy/tests/policy-test.ts";
import { NOTHING_BELOW, type JudgeBelow, type Judgement } from "../policy/tests/run-tests.ts";
import { judgeTool, type AwsAnswer, type KubernetesAnswer, type Layers } from "./judge-tool.ts";
import { needOfTool, type Kinds } from "./tool-need.ts";
import type { Verdict } from "./verdict.ts";

/**
 * Judges beforehand what the tests ask of the layers below the gateway, each tool with the same arguments once. To an
 * expectation that is not among the tests the answer is unknown.
 */
export async function judgeExpectations(
  tests: readonly PolicyTest[],
  { registry }: Policy,
  { layers, kinds }: { readonly layers: Layers; readonly kinds: Kinds },
): Promise<JudgeBelow> {
  const known = new Map<string, Judgement>();
  for (const test of tests) {
    if (test.kind !== "case") continue;
    const { expectation } = test;
    const { layer } = expectation;
    if (layer === "gateway") continue;
    const backend = registry.get(expectation.backend);
    const name = nameOf(expectation);
    if (backend === undefined || expectation.tool === null || known.has(name)) continue;
    const need = needOfTool(backend, expectation.tool, { args: expectation.args, kinds });
    const { kubernetes, aws } = await judgeTool(backend, need, layers);
    const asked = { kubernetes: [kubernetes], aws: [aws], all: [kubernetes, aws] }[layer];
    const decisive = mostDecisive(asked);
    const isBeyond = layer === "all" && need.kind !== "unknown" && need.beyond !== null;
    known.set(name, isBeyond && decisive.outcome === "allow" ? beyond(need.beyond) : decisive);
  }
  return (expectation) => known.get(nameOf(expectation)) ?? NOTHING_BELOW(expectation);
}

function beyond(system: string): Judgement {
  return {
    outcome: "unknown",
    reason: "decided_beyond",
    rule: { text: `${system} decides after all layers`, place: null },
  };
}

function nameOf({ layer, backend, tool, args }: Expectation): string {
  return JSON.stringify([layer, backend, tool, [...args]]);
}

/** Of several layers the first that says no, else the first that does not know. */
function mostDecisive(answers: readonly (KubernetesAnswer | AwsAnswer)[]): Judgement {
  const rank = { deny: 0, unknown: 1, allow: 2 };
  const [worst] = answers.toSorted((a, b) => rank[a.outcome] - rank[b.outcome]);
  const verdict = worst === undefined ? null : decidedBy(worst);
  return {
    outcome: worst?.outcome ?? "unknown",
    reason: verdict?.reason ?? "allowed",
    rule: verdict === null ? null : { text: [verdict.text, ...verdict.missing].join("; "), place: verdict.place },
  };
}

/** The verdict that made a layer's answer what it is; null where nothing did, for nothing had to. */
export function decidedBy(answer: KubernetesAnswer | AwsAnswer): Verdict | null {
  const assume = "assume" in answer && answer.assume !== null ? [answer.assume] : [];
  const verdicts = [...assume, ...answer.items.map(({ verdict }) => verdict)];
  return answer.why ?? verdicts.find(({ outcome }) => outcome === answer.outcome) ?? verdicts[0] ?? null;
}
