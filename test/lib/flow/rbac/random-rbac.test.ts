import { describe, expect, it } from "vitest";
import { readClusterFacts, type ClusterFacts } from "../../../../src/lib/flow/rbac/cluster-facts.ts";
import { rbacJudge } from "../../../../src/lib/flow/rbac/judge-rbac.ts";
import { fillTemplate, holesOf, type Template } from "../../../../src/lib/flow/template.ts";
import type { KubernetesRequest } from "../../../../src/lib/flow/requests.ts";
import type { Verdict } from "../../../../src/lib/flow/verdict.ts";
import { randomRbac, randomRequest, VALUES } from "../../../support/random-rbac.ts";
import { seededNumbers } from "../../../support/seeded.ts";

const PLACE = { file: "random", line: 1, column: 1 };

function factsFrom(objects: readonly unknown[], isComplete: boolean): ClusterFacts {
  const documents = objects.map((value) => ({ file: "random", value, placeOf: () => PLACE }));
  return readClusterFacts(documents, { isComplete });
}

/** The outcomes of these requests, with these objects for facts. */
function outcomes(
  objects: readonly unknown[],
  { account, requests }: Questions,
  isComplete: boolean,
): readonly Verdict["outcome"][] {
  const judge = rbacJudge(factsFrom(objects, isComplete));
  return requests.map((request) => judge(account, request).outcome);
}

interface Questions {
  readonly account: { readonly namespace: string; readonly name: string };
  readonly requests: readonly KubernetesRequest[];
}

describe("random policies", () => {
  it("are never answered otherwise than by less certainty when an object is taken away", () => {
    const seen = { allow: 0, deny: 0, unknown: 0 };
    const wrong: unknown[] = [];
    for (let seed = 1; seed <= 300; seed += 1) {
      const below = seededNumbers(seed);
      const policy = randomRbac(below);
      const { objects, account } = policy;
      const questions = { account, requests: Array.from({ length: 12 }, () => randomRequest(below, policy, true)) };
      const [complete, incomplete] = [true, false].map((isComplete) => outcomes(objects, questions, isComplete));
      for (const outcome of complete ?? []) seen[outcome] += 1;
      for (const gone of objects) {
        const rest = objects.filter((object) => object !== gone);
        for (const [index, outcome] of outcomes(rest, questions, true).entries())
          if (outcome === "allow" && complete?.[index] !== "allow") wrong.push({ seed, gone, index, outcome });
        for (const [index, outcome] of outcomes(rest, questions, false).entries())
          if (outcome === "deny" || (outcome === "allow" && incomplete?.[index] !== "allow"))
            wrong.push({ seed, gone, index, outcome });
      }
    }
    expect(wrong).toEqual([]);
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(400);
  });

  it("are answered for every value of an argument as they are without it, or not decided without it", () => {
    let decided = 0;
    const wrong: unknown[] = [];
    for (let seed = 1; seed <= 2_000; seed += 1) {
      const below = seededNumbers(seed);
      const policy = randomRbac(below);
      const { objects, account } = policy;
      const judge = rbacJudge(factsFrom(objects, true));
      const request = randomRequest(below, policy, true);
      const without = judge(account, request).outcome;
      if (without === "unknown") continue;
      decided += 1;
      for (const filled of fillings(request)) {
        const { outcome } = judge(account, filled);
        if (outcome !== without) wrong.push({ seed, request, filled, without, outcome });
      }
    }
    expect(wrong).toEqual([]);
    expect(decided).toBeGreaterThan(800);
  });
});

/** The request with each of some values in the place of every argument that is not known. */
function* fillings(request: KubernetesRequest): Iterable<KubernetesRequest> {
  const { verb, group, resource, namespace, name } = request;
  const names = [verb, group, resource, namespace ?? [], name ?? []].flatMap(holesOf);
  for (let first = 0; first < VALUES.length; first += 1) {
    const args = new Map(names.map((hole, index) => [hole, VALUES[(first + index * 7) % VALUES.length] as string]));
    const fill = (template: Template): Template => fillTemplate(template, args);
    yield {
      verb: fill(verb),
      group: fill(group),
      resource: fill(resource),
      namespace: namespace === null ? null : fill(namespace),
      name: name === null ? null : fill(name),
    };
  }
}
