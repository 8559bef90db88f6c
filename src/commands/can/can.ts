import { currentContext, type Config } from "../../lib/config/config.ts";
import { loadPolicy } from "../../lib/files/load-policy.ts";
import { flowAnswer, type Layer } from "../../lib/flow/flow-answer.ts";
import { judgeTool, type ToolAnswer } from "../../lib/flow/judge-tool.ts";
import { argumentsOf, needOfTool, toolEntry } from "../../lib/flow/tool-need.ts";
import { decide, type AccessRequest, type Policy } from "../../lib/policy/decide.ts";
import type { Locks } from "../../lib/policy/locks.ts";
import type { Backend } from "../../lib/policy/registry.ts";
import { findRemedy } from "../../lib/policy/remedy.ts";
import { nearest } from "../../lib/suggest.ts";
import { policyFiles } from "../policy-files.ts";
import { openLive, type Live, type LiveLayer } from "../live.ts";
import type { Ports } from "../ports.ts";
import { requireKnown } from "../require-known.ts";
import type { Result } from "../result.ts";
import { answer } from "./answer.ts";
import { callerOfKey, roleAlone } from "./caller.ts";
import { readLocks } from "../read-locks.ts";
import type { AskedLayers } from "../layers.ts";

export type CanPorts = Pick<Ports, "config" | "cwd" | "iam" | "kube" | "label" | "now" | "progress" | "store" | "tell">;

export interface CanQuestion {
  /** A role, or the id of a key. */
  readonly who: { readonly role: string } | { readonly key: string };
  readonly backend: string;
  /** Null to ask for the backend alone, which is for the gateway to say. */
  readonly tool: string | null;
  /** The arguments of the call that are known. */
  readonly args: ReadonlyMap<string, string>;
  /** To ask for that layer alone; null for all that a call has to pass. */
  readonly layer: Layer | null;
  /** The layers that are asked themselves, and not through files. */
  readonly live: readonly LiveLayer[];
}

export async function can(question: CanQuestion, ports: CanPorts): Promise<Result> {
  const config = await ports.config();
  const live = await openLive(question.live, config, ports);
  try {
    return await answerOne(question, { config, live }, ports);
  } finally {
    live.close();
  }
}

interface Sources {
  readonly config: Config;
  readonly live: Live;
}

async function answerOne(question: CanQuestion, sources: Sources, ports: CanPorts): Promise<Result> {
  const { who, backend, tool } = question;
  const { config, live } = sources;
  const files = policyFiles(config, {}, ports);
  const policy = loadPolicy(files);
  if ("role" in who) requireKnown("role", who.role, policy.roles, files.roles.label);
  const target = requireKnown("backend", backend, policy.registry, files.backends.label);
  const caller = "key" in who ? await callerOfKey(who.key, ports) : roleAlone(who.role);
  const { role, user, keyId } = caller;
  const request: AccessRequest = { role, user, keyId, backend, method: tool === null ? null : "tools/call", tool };
  const now = ports.now();
  const { locks, note } = await readLocks(currentContext(config), ports.label, live.api);
  const gateway = caller.refusal ?? decide(policy, locks, request, now);
  const isRefused = gateway.outcome === "deny" && (gateway.lock !== null || caller.refusal !== null);
  const layer = tool === null ? "gateway" : question.layer;
  // What is below the gateway takes reading, and may not be readable: who asks for the gateway alone must not wait for it.
  const asked = tool === null || layer === "gateway" ? null : await openBelow(sources, ports);
  const lower = tool === null || asked === null ? null : await askBelow(target, { ...question, tool }, asked);
  const notes = [note, toolNote(target, tool), ...argumentNotes(question, target), ...caller.notes];
  return answer(request, {
    backend: target,
    args: question.args,
    gateway,
    lower,
    leavesOut: asked?.leavesOut ?? NOTHING_LEFT_OUT,
    layer,
    answer: flowAnswer(gateway, lower, layer),
    // While a lock stands, or for a dead key, no change of the roles would do.
    remedy: isRefused || layer === "kubernetes" || layer === "aws" ? null : findRemedy(policy, request),
    allowed: rolesAllowed(policy, locks, request, now),
    notes: notes.filter((each) => each !== null),
  });
}

const NOTHING_LEFT_OUT: AskedLayers["leavesOut"] = { kubernetes: [], aws: [] };

async function openBelow({ config, live }: Sources, ports: CanPorts): Promise<AskedLayers> {
  return (await import("../layers.ts")).openLayers(config, ports, live);
}

function askBelow(
  backend: Backend,
  { tool, args }: { readonly tool: string; readonly args: CanQuestion["args"] },
  { layers, kinds }: AskedLayers,
): Promise<ToolAnswer> {
  return judgeTool(backend, needOfTool(backend, tool, { args, kinds }), layers);
}

function rolesAllowed(policy: Policy, locks: Locks, request: AccessRequest, now: number): readonly string[] {
  return [...policy.roles.keys()].filter((role) => {
    const other = { ...request, role, user: null, keyId: null };
    return decide(policy, locks, other, now).outcome === "allow";
  });
}

/** The registry need not name every tool; one that it does not name is judged by the patterns all the same. */
function toolNote({ name, tools }: Backend, tool: string | null): string | null {
  if (tool === null || toolEntry({ tools }, tool) !== null) return null;
  const known = Object.keys(tools ?? {});
  const near = nearest(tool, known);
  const hint = near === null ? "" : ` Did you mean ${near}?`;
  return `The registry names ${known.length === 0 ? "no tools" : `no tool "${tool}"`} of ${name}; whether there is one was not judged.${hint}`;
}

/** An argument that nothing uses is probably written wrongly, and the answer is then not about what was meant. */
function argumentNotes({ args, tool }: CanQuestion, backend: Backend): readonly string[] {
  if (tool === null || args.size === 0) return [];
  const used = argumentsOf(backend, tool);
  return [...args.keys()]
    .filter((name) => !used.has(name))
    .map((name) => {
      const near = nearest(name, used);
      const hint = near === null ? "" : ` Did you mean ${near}?`;
      return `--arg ${name} changes nothing: what the registry says of ${tool} does not use it.${hint}`;
    });
}
