import { InvalidArgumentError, Option, type Command } from "commander";
import { AppError, type ExitCode } from "../../lib/errors.ts";
import type { CheckReport } from "../../lib/policy/check-report.ts";
import { isRuleCode, ruleOf } from "../../lib/policy/rules/catalogue.ts";
import { checkPolicy } from "../../lib/policy/rules/check-policy.ts";
import type { Finding, Severity } from "../../lib/policy/source.ts";
import type { Format } from "../../lib/output/view.ts";
import { withExamples, type Cli } from "../cli.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { fixFiles, showPatch } from "./apply-fixes.ts";
import { readCheckRequest, type CheckInput } from "./check-request.ts";
import { explainRule } from "./explain-rule.ts";
import { reportView } from "./report-view.ts";

const FORMS = ["pretty", "compact", "json", "yaml", "github", "sarif", "junit", "markdown"] as const;
const SEVERITIES = ["error", "warning", "info"] as const satisfies readonly Severity[];

export interface CheckOptions extends CheckInput {
  readonly fix?: true;
  readonly dryRun?: true;
  readonly failOn?: Severity;
  readonly explain?: string;
}

export function registerCheck(roles: Command, cli: Cli, run = checkRoles): void {
  const command = roles
    .command("check")
    .summary("find what is wrong with the role file")
    .description(
      "Check role files against their schema, the backend registry and the rules of docs/rules.md. Needs no cluster, no AWS, no network.",
    )
    .argument("[files...]", "role files, - for standard input (default: policy.roles of mcpctl.yaml, else roles.yaml)")
    .option("--backends <file>", "the backend registry (default: policy.backends, else backends.yaml)")
    .option("--keys", "judge the live keys of the context's store as well")
    .option("--base <ref>", "what the roles grew by since this git commit")
    .option("--rule <code=level>", "error, warning, info or skip for one rule; repeatable", addLevel)
    .option("--no-ignores", "tell also what comments suppress")
    .addOption(
      new Option("--fail-on <severity>", "exit code 1 from this severity on").choices(SEVERITIES).default("error"),
    )
    .option("--fix", "mend what is safe to mend; no grant changes")
    .option("--dry-run", "with --fix: show the patch, write nothing")
    .option("--explain <code>", "print a rule's page")
    .addOption(new Option("-o, --output <form>", "form of the output").choices(FORMS).default("pretty"))
    .action(
      async (files: readonly string[], { output, ...options }: CheckOptions & { output: (typeof FORMS)[number] }) =>
        cli.show(await run({ ...options, files }, cli.ports), formatOf(output)),
    )
    .addHelpText(
      "after",
      "\nExit codes: 0 clean, or nothing at --fail-on or above; 1 findings; 3 YAML\nor schema cannot be read, or nothing to check.",
    );
  withExamples(command, "mcpctl roles check", "mcpctl roles check roles.yaml --backends backends.yaml -o sarif");
}

function formatOf(form: (typeof FORMS)[number]): Format {
  return form === "pretty" ? "text" : form;
}

/** `MC304=skip`, one after another. */
function addLevel(text: string, before: CheckInput["rule"] = []): NonNullable<CheckInput["rule"]> {
  const [, code, level] = /^(MC\d{3})=(error|warning|info|skip)$/.exec(text) ?? [];
  if (code === undefined || !isRuleCode(code)) {
    throw new InvalidArgumentError("It must be a rule and a level, like MC304=skip.");
  }
  if (ruleOf(code).isFatal) throw new InvalidArgumentError(`${code} always holds: no gateway takes such a file.`);
  return [...before, { code, level: level as Severity | "skip" }];
}

export async function checkRoles(
  options: CheckOptions,
  ports: Pick<Ports, "cwd" | "label" | "now" | "progress" | "projectConfig" | "stdin" | "store" | "tell">,
): Promise<Result> {
  if (options.explain !== undefined) return explainRule(options.explain);
  if (options.dryRun === true && options.fix !== true) {
    throw new AppError("usage", "dry_run_alone", "--dry-run shows what --fix would write", { hint: "Add --fix." });
  }
  const request = await readCheckRequest(options, ports);
  if (options.fix !== true) return answer(checkPolicy(request), options, []);
  if (options.dryRun === true) return { ...showPatch(request), ...exitOf(checkPolicy(request), options) };
  const mended = await fixFiles(request);
  return answer(mended.report, options, mended.notes);
}

function answer(report: CheckReport, options: CheckOptions, notes: readonly string[]): Result {
  return { view: reportView(report), notes, ...exitOf(report, options) };
}

function exitOf({ findings }: CheckReport, { failOn = "error" }: CheckOptions): { readonly exit?: ExitCode } {
  if (findings.some(({ isUnreadable }) => isUnreadable)) return { exit: 3 };
  const isMeant = ({ severity }: Finding): boolean => SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(failOn);
  return findings.some(isMeant) ? { exit: 1 } : {};
}
