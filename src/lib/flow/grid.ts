import { decide, type Decision, type Policy } from "../policy/decide.ts";
import type { Locks } from "../policy/locks.ts";
import type { Backend } from "../policy/registry.ts";
import { flowAnswer, type FlowAnswer } from "./flow-answer.ts";
import { judgeTool, type Layers, type ToolAnswer } from "./judge-tool.ts";
import { needOfTool, type Kinds } from "./tool-need.ts";

/** Whom and what a grid is about. */
export interface GridQuestion {
  /** In the order of the rows. */
  readonly callers: readonly GridCaller[];
  readonly backends: readonly Backend[];
  /** Null for every tool that the registry names. */
  readonly tool: string | null;
  readonly args: ReadonlyMap<string, string>;
  readonly now: number;
}

/** A role, or the subject of a key that a gateway may refuse whatever it calls. */
export interface GridCaller {
  readonly role: string;
  readonly user: string | null;
  readonly keyId: string | null;
  readonly refusal: Decision | null;
}

export interface GridFacts {
  readonly policy: Policy;
  readonly locks: Locks;
  readonly layers: Layers;
  readonly kinds: Kinds;
}

/** One cell: may this caller call that tool? */
export interface GridCell {
  readonly role: string;
  readonly backend: Backend;
  readonly tool: string;
  readonly gateway: Decision;
  readonly lower: ToolAnswer;
  readonly answer: FlowAnswer;
}

/**
 * Every answer, role by role. The layers below the gateway do not know the caller, so each tool of a backend is judged once;
 * yields how many were, and returns all cells.
 */
export async function* answerGrid(
  question: GridQuestion,
  { policy, locks, layers, kinds }: GridFacts,
): AsyncGenerator<number, readonly GridCell[]> {
  const { callers, backends, args, now } = question;
  const judged: { backend: Backend; tool: string; lower: ToolAnswer }[] = [];
  for (const backend of backends) {
    for (const tool of Object.keys(backend.tools ?? {})) {
      if (question.tool !== null && tool !== question.tool) continue;
      judged.push({
        backend,
        tool,
        lower: await judgeTool(backend, needOfTool(backend, tool, { args, kinds }), layers),
      });
      yield judged.length;
    }
  }
  return callers.flatMap((caller) =>
    judged.map(({ backend, tool, lower }) => {
      const { role, user, keyId } = caller;
      const request = { role, user, keyId, backend: backend.name, method: "tools/call", tool };
      const gateway = caller.refusal ?? decide(policy, locks, request, now);
      return { role, backend, tool, gateway, lower, answer: flowAnswer(gateway, lower, null) };
    }),
  );
}
