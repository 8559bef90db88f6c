import { currentContext } from "../../lib/config/config.ts";
import { AppError } from "../../lib/errors.ts";
import { loadPolicy } from "../../lib/files/load-policy.ts";
import { answerGrid, type GridCaller, type GridCell } from "../../lib/flow/grid.ts";
import type { Policy } from "../../lib/policy/decide.ts";
import type { Backend } from "../../lib/policy/registry.ts";
import { plural } from "../../lib/plural.ts";
import { nearest } from "../../lib/suggest.ts";
import { policyFiles } from "../policy-files.ts";
import { openLive, type LiveLayer } from "../live.ts";
import { readLocks } from "../read-locks.ts";
import { requireKnown } from "../require-known.ts";
import type { Result } from "../result.ts";
import { COLUMNS } from "./columns.ts";
import { callerOfKey, roleAlone } from "./caller.ts";
import type { CanPorts } from "./can.ts";
import { openLayers } from "../layers.ts";
import { WORDS } from "./words.ts";

/** Which answers are asked for: null stands for all of them. */
export interface GridRequest {
  readonly key: string | null;
  readonly role: string | null;
  readonly backend: string | null;
  readonly tool: string | null;
  readonly args: ReadonlyMap<string, string>;
  readonly live: readonly LiveLayer[];
}

/** Every answer that was asked for, a row each. */
export async function canGrid(request: GridRequest, ports: CanPorts): Promise<Result> {
  const config = await ports.config();
  const files = policyFiles(config, {}, ports);
  const policy = loadPolicy(files);
  const { callers, notes } = await callersOf(request, policy, files.roles.label, ports);
  const backends =
    request.backend === null
      ? [...policy.registry.values()]
      : [requireKnown("backend", request.backend, policy.registry, files.backends.label)];
  if (request.tool !== null) requireTool(request.tool, backends, files.backends.label);
  const live = await openLive(request.live, config, ports);
  try {
    const asked = await openLayers(config, ports, live);
    const { locks, note } = await readLocks(currentContext(config), ports.label, live.api);
    const question = { callers, backends, tool: request.tool, args: request.args, now: ports.now() };
    const cells = await finish(answerGrid(question, { ...asked, policy, locks }), ports);
    return gridResult(cells, request, {
      notes: [...notes, ...(note === null ? [] : [note])],
      unlisted: toolless(backends),
    });
  } finally {
    ports.progress(null);
    live.close();
  }
}

async function callersOf(
  { key, role }: GridRequest,
  policy: Policy,
  label: string,
  ports: CanPorts,
): Promise<{ callers: readonly GridCaller[]; notes: readonly string[] }> {
  if (key !== null) {
    const caller = await callerOfKey(key, ports);
    return { callers: [caller], notes: caller.notes };
  }
  if (role === null) return { callers: [...policy.roles.keys()].map(roleAlone), notes: [] };
  requireKnown("role", role, policy.roles, label);
  return { callers: [roleAlone(role)], notes: [] };
}

function requireTool(tool: string, backends: readonly Backend[], label: string): void {
  const known = new Set(backends.flatMap(({ tools }) => Object.keys(tools ?? {})));
  if (known.has(tool)) return;
  const near = nearest(tool, known);
  throw new AppError("not-found", "tool_not_found", `no backend of ${label} names a tool "${tool.slice(0, 80)}"`, {
    hint: near === null ? "Fill the registry with `mcpctl backends import BACKEND`." : `Did you mean ${near}?`,
  });
}

async function finish(
  work: AsyncGenerator<number, readonly GridCell[]>,
  { progress }: CanPorts,
): Promise<readonly GridCell[]> {
  for (;;) {
    const step = await work.next();
    if (step.done === true) return step.value;
    if (step.value % 50 === 0) progress(`Judged ${plural(step.value, "tool")}`);
  }
}

/** Of these nothing can be listed, and that must not look like a no. */
function toolless(backends: readonly Backend[]): readonly string[] {
  return backends.filter(({ tools }) => Object.keys(tools ?? {}).length === 0).map(({ name }) => name);
}

function unlistedNote(names: readonly string[]): readonly string[] {
  if (names.length === 0) return [];
  const which = names.length > 5 ? plural(names.length, "backend") : names.join(", ");
  return [`Not listed: ${which}, of which the registry names no tools (\`mcpctl backends import\`).`];
}

interface Beside {
  readonly notes: readonly string[];
  /** Backends of whose tools nothing is known. */
  readonly unlisted: readonly string[];
}

function gridResult(cells: readonly GridCell[], { tool }: GridRequest, { notes, unlisted }: Beside): Result {
  // Who can? Those who cannot are no answer to that.
  const asked = tool === null ? cells : cells.filter(({ answer }) => answer.outcome !== "deny");
  const ungranted = asked.filter(isUngranted).length;
  const left = `Left out of the table: ${plural(ungranted, "call")} of backends that the role is not granted; -o json has them.`;
  return {
    view: {
      data: { answers: asked.map(cellData), not_listed: unlisted },
      table: {
        columns: COLUMNS,
        rows: asked.filter((cell) => !isUngranted(cell)).map(cellRow),
      },
    },
    notes: [
      ...notes,
      ...unlistedNote(unlisted),
      ...beyondNote(asked.filter(isBeyond).length),
      ...(ungranted === 0 ? [] : [left]),
      ...(tool !== null && asked.length === 0
        ? [unlisted.length === 0 ? "Nobody can." : "Nobody is known who can."]
        : []),
    ],
  };
}

/** Every layer lets it through, and something behind them decides. */
function isBeyond({ answer, gateway, lower }: GridCell): boolean {
  const layers = [gateway.outcome, lower.kubernetes.outcome, lower.aws.outcome];
  return answer.outcome === "unknown" && layers.every((outcome) => outcome === "allow");
}

function beyondNote(count: number): readonly string[] {
  if (count === 0) return [];
  return [
    `Unknown though every layer says yes: ${plural(count, "call")}, which a system behind them decides (ask for one tool alone).`,
  ];
}

function isUngranted({ gateway }: GridCell): boolean {
  return gateway.outcome === "deny" && gateway.reason === "backend_not_granted";
}

function cellRow({ role, backend, tool, answer, gateway, lower }: GridCell): readonly string[] {
  const outcomes = [answer, gateway, lower.kubernetes, lower.aws];
  return [role, backend.name, tool, ...outcomes.map(({ outcome }) => WORDS[outcome])];
}

/** One of what `-o json` prints (schemas/output/can-grid.schema.json). */
function cellData({ role, backend, tool, answer, gateway, lower }: GridCell): object {
  return {
    role,
    backend: backend.name,
    tool,
    answer: WORDS[answer.outcome],
    stopped_by: answer.stoppedBy,
    also_stopped_by: answer.alsoStoppedBy,
    gateway: WORDS[gateway.outcome],
    kubernetes: WORDS[lower.kubernetes.outcome],
    aws: WORDS[lower.aws.outcome],
  };
}
