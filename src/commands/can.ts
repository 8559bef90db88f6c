import { Option, type Command } from "commander";
import type { ChalkInstance } from "chalk";
import { currentContext } from "../lib/config/config.ts";
import { REASONS } from "../lib/audit/reasons.ts";
import type { ExitCode } from "../lib/errors.ts";
import { loadRegistry, loadRoles, requireUsable } from "../lib/files/load-policy.ts";
import { decide, type Decision, type Policy } from "../lib/policy/decide.ts";
import { formatPlace } from "../lib/policy/source.ts";
import type { Format } from "../lib/output/view.ts";
import { withExamples, type Cli } from "./cli.ts";
import type { Ports } from "./ports.ts";
import { readLocks } from "./read-locks.ts";
import { requireKnown } from "./require-known.ts";
import type { Result } from "./result.ts";

export function registerCan(program: Command, cli: Cli, run = can): void {
  const command = program
    .command("can")
    .summary("ask whether a role may call a backend")
    .description("Ask the gateway's own evaluator, offline, whether a role may call a backend, and which line decides.")
    .argument("<role>", "a role of the role file")
    .argument("<backend>", "a backend of the registry")
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["text", "json", "yaml"]))
    .action(async (role: string, backend: string, options: { output?: Format }) =>
      cli.show(await run(role, backend, cli.ports), options.output ?? null),
    )
    .addHelpText("after", "\nExit codes: 0 yes, 1 no, 3 unknown name or unusable file, 7 undecidable.");
  withExamples(command, "mcpctl can dev-readonly eks-ro", "mcpctl can dev-readonly eks-rw -o json");
}

export async function can(
  role: string,
  backend: string,
  ports: Pick<Ports, "config" | "label" | "now">,
): Promise<Result> {
  const config = await ports.config();
  const rolesFile = { path: config.policy.roles, label: ports.label(config.policy.roles) };
  const backendsFile = { path: config.policy.backends, label: ports.label(config.policy.backends) };
  const roles = loadRoles(rolesFile);
  requireUsable(roles.findings);
  const registry = loadRegistry(backendsFile);
  requireUsable(registry.findings);
  const policy: Policy = { roles: roles.roles, registry: registry.registry };
  requireKnown("role", role, policy.roles, rolesFile.label);
  requireKnown("backend", backend, policy.registry, backendsFile.label);
  const { locks, note } = readLocks(currentContext(config), ports.label);
  const request = { role, user: null, keyId: null, backend, method: null, tool: null };
  return answer(role, backend, decide(policy, locks, request, ports.now()), note);
}

const EXITS: Readonly<Record<Decision["outcome"], ExitCode>> = { allow: 0, deny: 1, unknown: 7 };
const WORDS: Readonly<Record<Decision["outcome"], string>> = { allow: "yes", deny: "no", unknown: "unknown" };

function answer(role: string, backend: string, decision: Decision, note: string | null): Result {
  const rule = decision.outcome === "unknown" ? null : decision.rule;
  const grant = decision.outcome === "allow" ? decision.grant : null;
  const narrowing = grant?.tools === null || grant === null ? null : grant.tools;
  const data = {
    role,
    backend,
    answer: WORDS[decision.outcome],
    layers: [
      {
        layer: "gateway",
        answer: WORDS[decision.outcome],
        reason: decision.reason,
        rule: rule?.text ?? null,
        place: rule?.place ?? null,
        tools: narrowing,
      },
    ],
  };
  const text = (paint: ChalkInstance): string => {
    const word =
      decision.outcome === "allow"
        ? paint.green("yes")
        : decision.outcome === "deny"
          ? paint.red("no")
          : paint.yellow("unknown");
    const where = rule === null ? "" : rule.place === null ? rule.text : `${formatPlace(rule.place)}: ${rule.text}`;
    const lines = [`${word}  ${role} -> ${backend}`, `  gateway: ${REASONS[decision.reason]}`];
    if (where !== "") lines.push(`           ${where}`);
    if (narrowing !== null)
      lines.push(
        `           tools: allow ${(narrowing.allow ?? ["*"]).join(", ") || "none"}; deny ${narrowing.deny.join(", ") || "none"}`,
      );
    return lines.join("\n");
  };
  return {
    view: { data, text },
    notes: note === null ? [] : [note],
    ...(decision.outcome === "allow" ? {} : { exit: EXITS[decision.outcome] }),
  };
}
