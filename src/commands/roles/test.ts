import { resolve } from "node:path";
import { InvalidArgumentError, Option, type Command } from "commander";
import type { ExitCode } from "../../lib/errors.ts";
import { loadPolicy } from "../../lib/files/load-policy.ts";
import { readFileBytesSync } from "../../lib/files/read-file.ts";
import { strayArguments } from "../../lib/flow/stray-arguments.ts";
import type { Format } from "../../lib/output/view.ts";
import type { Policy } from "../../lib/policy/decide.ts";
import { MAX_POLICY_BYTES } from "../../lib/policy/source.ts";
import type { PolicyTest } from "../../lib/policy/tests/policy-test.ts";
import { readPolicyTests } from "../../lib/policy/tests/read-tests.ts";
import { NOTHING_BELOW, runTests, type JudgeBelow } from "../../lib/policy/tests/run-tests.ts";
import { failedTests, isBelow, type TestRun } from "../../lib/policy/tests/test-run.ts";
import { tryMutants, type MutationReport } from "../../lib/policy/tests/try-mutants.ts";
import { withExamples, type Cli } from "../cli.ts";
import { policyFiles } from "../policy-files.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { inSlices } from "./in-slices.ts";
import { testView } from "./test-view.ts";

const FORMS = ["text", "json", "yaml", "junit"] as const satisfies readonly Format[];

export interface TestOptions {
  readonly files: readonly string[];
  readonly roles?: string;
  readonly backends?: string;
  readonly threshold?: number;
  readonly mutate?: true;
  readonly verbose?: true;
}

export function registerTest(roles: Command, cli: Cli, run = testRoles): void {
  const command = roles
    .command("test")
    .summary("test what the roles allow against what the team expects")
    .description(
      "Judge the calls that test files expect to be allowed or denied (schemas/policy-test.schema.json) " +
        "by the gateway's own evaluator, and with `layer` by the manifests and policies that mcpctl.yaml names. " +
        "Needs no cluster, no AWS, no network.",
    )
    .argument("<files...>", "test files")
    .option("--roles <file>", "the role file (default: policy.roles of mcpctl.yaml, else roles.yaml)")
    .option("--backends <file>", "the backend registry (default: policy.backends, else backends.yaml)")
    .option("--threshold <percent>", "fail when tests speak about less than this of the grants", readPercent)
    .option("--mutate", "make one dangerous change at a time, and fail when no test notices")
    .option("--verbose", "show also what passed")
    .addOption(new Option("-o, --output <form>", "form of the output").choices(FORMS).default("text"))
    .action(async (files: readonly string[], { output, ...options }: TestOptions & { output: Format }) =>
      cli.show(await run({ ...options, files }, cli.ports), output),
    )
    .addHelpText(
      "after",
      "\nExit codes: 0 all passed; 1 a test failed, coverage is below --threshold, or no\ntest noticed a change; 3 a file cannot be used, or holds no test.",
    );
  withExamples(
    command,
    "mcpctl roles test policy-test.yaml",
    "mcpctl roles test policy-test.yaml --threshold 100 --mutate",
  );
}

function readPercent(text: string): number {
  const percent = Number(text);
  if (!/^\d{1,3}(?:\.\d{1,3})?$/.test(text) || percent > 100) {
    throw new InvalidArgumentError("It must be a number from 0 to 100.");
  }
  return percent;
}

type TestPorts = Pick<Ports, "cwd" | "label" | "now" | "progress" | "projectConfig" | "signal">;

export async function testRoles(options: TestOptions, ports: TestPorts): Promise<Result> {
  const started = ports.now();
  const inputs = policyFiles(await ports.projectConfig(), options, ports);
  const policy = loadPolicy(inputs);
  const labels = { roles: inputs.roles.label, backends: inputs.backends.label };
  const files = [...new Set(options.files.map((file) => resolve(ports.cwd, file)))];
  const readings = files.map((file) =>
    readPolicyTests(ports.label(file), readFileBytesSync(file, "the test file", MAX_POLICY_BYTES), policy, labels),
  );
  const tests = readings.flatMap((reading) => reading.tests);
  const problems = [...readings.flatMap(({ findings }) => findings), ...strayArguments(tests, policy.registry)];
  const judged = problems.length > 0 ? NOT_RUN : await judgeAll(tests, policy, options, ports);
  const run: TestRun = {
    files: files.map(ports.label),
    problems,
    ...judged,
    threshold: options.threshold ?? null,
    durationMs: ports.now() - started,
  };
  const notes =
    options.mutate === true && run.mutation === null ? ["No change was tried, for not all tests pass."] : [];
  return { view: testView(run, options.verbose === true), notes, ...exitOf(run) };
}

const NOT_RUN = { report: null, mutation: null } as const;

async function judgeAll(
  tests: readonly PolicyTest[],
  policy: Policy,
  { mutate }: TestOptions,
  ports: TestPorts,
): Promise<Pick<TestRun, "report" | "mutation">> {
  const below = await askBelow(tests, policy, ports);
  const report = await inSlices(runTests(tests, policy, below), ports, (done) => `${done} calls judged`);
  const isGreen = failedTests(report) === 0;
  const mutation: MutationReport | null =
    mutate === true && isGreen
      ? await inSlices(tryMutants(tests, policy, below), ports, (done) => `${done} changes tried`)
      : null;
  return { report, mutation };
}

/** The layers below the gateway are read only where a test asks for them. */
async function askBelow(tests: readonly PolicyTest[], policy: Policy, ports: TestPorts): Promise<JudgeBelow> {
  if (!tests.some((test) => test.kind === "case" && test.expectation.layer !== "gateway")) return NOTHING_BELOW;
  const [{ judgeExpectations }, { openLayers }] = await Promise.all([
    import("../../lib/flow/judge-expectations.ts"),
    import("../layers.ts"),
  ]);
  return judgeExpectations(tests, policy, await openLayers(await ports.projectConfig(), ports));
}

function exitOf({ problems, report, mutation, threshold }: TestRun): { readonly exit?: ExitCode } {
  if (problems.length > 0 || report === null) return { exit: 3 };
  const isWrong = failedTests(report) > 0 || isBelow(report.coverage, threshold) || (mutation?.survived ?? 0) > 0;
  return isWrong ? { exit: 1 } : {};
}
