import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { evaluate, isTrue, resolveText, type Context } from "./action-expressions.ts";

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default: string }>>;
  readonly outputs: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}

interface Step {
  readonly id?: string;
  readonly name: string;
  readonly if?: string;
  readonly shell: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly run: string;
}

export interface ActionOptions {
  /** The folder of action.yml. */
  readonly action: string;
  readonly workspace: string;
  /** The runner's own temporary folder; the caller removes it. */
  readonly temp: string;
  readonly inputs?: Readonly<Record<string, string>>;
  readonly github?: Context;
  readonly env?: Readonly<Record<string, string>>;
}

export interface StepResult {
  readonly name: string;
  readonly outcome: "success" | "failure" | "skipped";
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  readonly summary: string;
}

export interface ActionResult {
  readonly steps: readonly StepResult[];
  readonly outputs: Readonly<Record<string, string>>;
}

/**
 * Runs a composite action as a runner of GitHub does: inputs and expressions first, then one bash for each step, with files for
 * its outputs and its summary. It knows no step but `run`, and throws on whatever it does not understand.
 */
export function runAction(options: ActionOptions): ActionResult {
  const action = parse(readFileSync(join(options.action, "action.yml"), "utf8")) as Action;
  if (action.runs.using !== "composite") throw new Error(`using ${action.runs.using}`);
  const unknown = Object.keys(options.inputs ?? {}).find((name) => !(name in action.inputs));
  if (unknown !== undefined) throw new Error(`no input ${unknown}`);
  const github = options.github ?? {};
  const inputs = Object.fromEntries(
    Object.entries(action.inputs).map(([name, input]) => [
      name,
      options.inputs?.[name] ?? resolveText(input.default, { github }),
    ]),
  );
  const steps: Record<string, Context> = {};
  const results: StepResult[] = [];
  for (const step of action.runs.steps) {
    const context = { github, inputs, steps };
    const hasFailed = results.some(({ outcome }) => outcome === "failure");
    const { result, outputs } = isTrue(evaluate(conditionOf(step.if), { ...context, hasFailed }))
      ? runStep(step, context, options)
      : { result: skipped(step), outputs: {} };
    results.push(result);
    if (step.id !== undefined) steps[step.id] = { outputs, outcome: result.outcome };
  }
  const outputs = Object.entries(action.outputs).map(([name, { value }]) => [name, resolveText(value, { steps })]);
  return { steps: results, outputs: Object.fromEntries(outputs) as Record<string, string> };
}

/** A condition that asks for no status means: if nothing has failed. */
function conditionOf(text = "success()"): string {
  const condition = text.replace(/^\s*\$\{\{(.*)\}\}\s*$/, "$1").trim();
  return /\b(success|failure|cancelled|always)\(\)/.test(condition) ? condition : `success() && ${condition}`;
}

function skipped({ name }: Step): StepResult {
  return { name, outcome: "skipped", code: null, out: "", err: "", summary: "" };
}

function runStep(
  step: Step,
  context: Context,
  { action, workspace, temp, env }: ActionOptions,
): { readonly result: StepResult; readonly outputs: Readonly<Record<string, string>> } {
  if (step.shell !== "bash") throw new Error(`shell ${step.shell}`);
  const folder = mkdtempSync(join(temp, "step-"));
  const file = (name: string, text = ""): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const script = file("step.sh", resolveText(step.run, context));
  const outputs = file("outputs");
  const summary = file("summary");
  const stepEnv = Object.entries(step.env ?? {}).map(([name, value]) => [name, resolveText(value, context)]);
  const { status, stdout, stderr } = spawnSync("bash", ["--noprofile", "--norc", "-eo", "pipefail", script], {
    cwd: workspace,
    encoding: "utf8",
    env: {
      PATH: process.env["PATH"],
      HOME: folder,
      CI: "true",
      GITHUB_ACTIONS: "true",
      GITHUB_ACTION_PATH: action,
      GITHUB_WORKSPACE: workspace,
      GITHUB_OUTPUT: outputs,
      GITHUB_STEP_SUMMARY: summary,
      RUNNER_TEMP: temp,
      ...env,
      ...(Object.fromEntries(stepEnv) as Record<string, string>),
    },
  });
  const result: StepResult = {
    name: step.name,
    outcome: status === 0 ? "success" : "failure",
    code: status,
    out: stdout,
    err: stderr,
    summary: readFileSync(summary, "utf8"),
  };
  return { result, outputs: readOutputs(readFileSync(outputs, "utf8")) };
}

/** `name=value`, or `name<<mark`, lines and the mark. @throws Error where a runner would fail the step */
export function readOutputs(text: string): Readonly<Record<string, string>> {
  const outputs: Record<string, string> = {};
  const lines = text.split("\n");
  if (lines.pop() !== "") throw new Error("the last line has no end");
  while (lines.length > 0) {
    const line = lines.shift() as string;
    const [, many, mark, one, value] = /^([^=<]+)<<(.+)$|^([^=]+)=(.*)$/.exec(line) ?? [];
    if (one !== undefined) outputs[one] = value ?? "";
    else if (many !== undefined) {
      const end = lines.indexOf(mark as string);
      if (end < 0) throw new Error(`no end of ${many}`);
      outputs[many] = lines.splice(0, end).join("\n");
      lines.shift();
    } else throw new Error(`not an output: ${line}`);
  }
  return outputs;
}
