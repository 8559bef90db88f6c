import { isProduction } from "../../lib/policy/registry.ts";
import type { Finding } from "../../lib/policy/source.ts";
import type { Gap } from "../../lib/policy/tests/coverage.ts";
import type { Mutant } from "../../lib/policy/tests/mutants.ts";
import type { Failure, TestOutcome, TestReport } from "../../lib/policy/tests/run-tests.ts";
import { coveragePercent, failedTests, killingCase, type TestRun } from "../../lib/policy/tests/test-run.ts";
import type { MutationReport } from "../../lib/policy/tests/try-mutants.ts";

/** What `roles test -o json` prints (schemas/output/roles-test.schema.json). */
export function testData({ files, problems, report, mutation, threshold, durationMs }: TestRun): object {
  const outcomes = report?.outcomes ?? [];
  const failed = report === null ? 0 : failedTests(report);
  return {
    files,
    problems: problems.map(problemData),
    passed: outcomes.length - failed,
    failed,
    tests: outcomes.map(outcomeData),
    coverage: report === null ? null : coverageData(report, threshold),
    mutation: mutation === null ? null : mutationData(mutation),
    duration_ms: durationMs,
  };
}

function problemData({ code, message, place, hint }: Finding): object {
  return { code, message, place, hint };
}

function outcomeData({ test, judged, failed, failures }: TestOutcome): object {
  return {
    name: test.name,
    place: test.place,
    judged_calls: judged,
    failed_calls: failed,
    failures: failures.map(failureData),
  };
}

function failureData({ expectation, judgement }: Failure): object {
  const { role, backend, method, tool, layer, args, expect, reason, place } = expectation;
  return {
    role,
    backend,
    method,
    tool,
    layer,
    args: Object.fromEntries(args),
    place,
    expected: { answer: expect, reason },
    got: { answer: judgement.outcome, reason: judgement.reason },
    rule: judgement.rule?.text ?? null,
    rule_place: judgement.rule?.place ?? null,
  };
}

function coverageData({ coverage }: TestReport, threshold: number | null): object {
  const { total, covered, gaps } = coverage;
  return { grants: total, covered, percent: coveragePercent(coverage), threshold, gaps: gaps.map(gapData) };
}

function gapData({ role, grant, pattern }: Gap): object {
  return { role, backend: grant.backend, pattern, place: grant.place };
}

function mutationData({ tried, survived, survivors }: MutationReport): object {
  return { tried, survived, survivors: survivors.map(survivorData) };
}

function survivorData(mutant: Mutant): object {
  const { kind, role, backend, grant, pattern } = mutant;
  return {
    kind,
    role: role.name,
    backend: backend.name,
    pattern,
    access: backend.access,
    environment: backend.environment,
    is_production: isProduction(backend),
    place: grant.place,
    case: { ...killingCase(mutant), expect: "deny" },
  };
}
