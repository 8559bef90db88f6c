import { resolve } from "node:path";
import { Option, type Command } from "commander";
import { loadRegistry, loadRoles } from "../../lib/files/load-policy.ts";
import { isError, type Finding, type SourceText } from "../../lib/policy/source.ts";
import { lintRoles } from "../../lib/policy/lint-roles.ts";
import { formatFinding } from "../../lib/output/findings.ts";
import type { Format } from "../../lib/output/view.ts";
import type { ExitCode } from "../../lib/errors.ts";
import { withExamples, type Cli } from "../cli.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";

export interface CheckOptions {
  readonly file: string | null;
  readonly backends?: string;
}

export function registerCheck(roles: Command, cli: Cli, run = checkRoles): void {
  const command = roles
    .command("check")
    .summary("find what is wrong with the role file")
    .description("Check a role file against its schema and the backend registry. Needs no cluster, no AWS, no network.")
    .argument("[file]", "the role file (default: policy.roles of mcpctl.yaml, else roles.yaml)")
    .option("--backends <file>", "the backend registry (default: policy.backends, else backends.yaml)")
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["text", "json", "yaml"]))
    .action(async (file: string | undefined, options: { backends?: string; output?: Format }) =>
      cli.show(await run({ ...options, file: file ?? null }, cli.ports), options.output ?? null),
    )
    .addHelpText(
      "after",
      "\nExit codes: 0 clean or warnings only, 1 errors, 3 YAML or schema cannot\nbe read, or nothing to check.",
    );
  withExamples(command, "mcpctl roles check", "mcpctl roles check roles.yaml --backends backends.yaml -o json");
}

export async function checkRoles(
  options: CheckOptions,
  ports: Pick<Ports, "projectConfig" | "cwd" | "label">,
): Promise<Result> {
  const { policy } = await ports.projectConfig();
  const rolesPath = options.file === null ? policy.roles : resolve(ports.cwd, options.file);
  const backendsPath = options.backends === undefined ? policy.backends : resolve(ports.cwd, options.backends);
  const file = { path: rolesPath, label: ports.label(rolesPath) };
  const roles = loadRoles(file);
  const registry = loadRegistry({ path: backendsPath, label: ports.label(backendsPath) });
  const findings = [...registry.findings, ...roles.findings];
  if (!findings.some((finding) => finding.isUnreadable)) {
    findings.push(...lintRoles(roles.roles, registry.registry, (line) => roles.source.line(line)));
    if (roles.roles.size === 0) findings.push(nothingChecked(roles.source));
  }
  return answer(findings.toSorted(byPlace), {
    roles: roles.roles.size,
    grants: [...roles.roles.values()].reduce((sum, role) => sum + role.grants.size, 0),
    file: file.label,
  });
}

function byPlace(a: Finding, b: Finding): number {
  if (a.place.file !== b.place.file) return a.place.file < b.place.file ? -1 : 1;
  return a.place.line - b.place.line || a.place.column - b.place.column;
}

function nothingChecked(source: SourceText): Finding {
  return source.finding("MC006", 0, "the file holds no role, so nothing was checked", {
    isUnreadable: true,
    hint: "Add a role, or name another file.",
  });
}

function findingData({ isUnreadable, ...finding }: Finding): object {
  return { ...finding, is_unreadable: isUnreadable };
}

function answer(findings: readonly Finding[], checked: { roles: number; grants: number; file: string }): Result {
  const errors = findings.filter(isError).length;
  const warnings = findings.length - errors;
  const exit: ExitCode = findings.some(({ isUnreadable }) => isUnreadable) ? 3 : errors > 0 ? 1 : 0;
  const summary = `${checked.file}: ${checked.roles} roles, ${checked.grants} grants, ${errors} errors, ${warnings} warnings.`;
  return {
    view: {
      data: {
        file: checked.file,
        roles: checked.roles,
        grants: checked.grants,
        errors,
        warnings,
        findings: findings.map(findingData),
      },
      text: (paint) => [...findings.map((finding) => `${formatFinding(finding, paint)}\n`), summary].join("\n"),
    },
    ...(exit === 0 ? {} : { exit }),
  };
}
