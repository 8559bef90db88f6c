import { answerTo, callFor } from "./answers.ts";

/** `call` is granted; the others are refused by whoever can tell. */
export type Kind = "call" | "stream" | "backend-denied" | "tool-denied" | "unauthenticated";

/** What stands before the backend, and what it knows: a proxy that does not read bodies cannot refuse a tool. */
export interface Target {
  readonly name: string;
  readonly origin: string;
  readonly prefix: string;
  readonly refuses: readonly Kind[];
}

/** What one load consists of, in turn. */
export interface Mix {
  readonly kinds: readonly Kind[];
  readonly bytes: number;
  readonly tokens: readonly string[];
}

export interface Request {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** What is wrong with this answer? Null when nothing is. */
  readonly fault: (status: number, text: string) => string | null;
}

/** The request with this number. */
export function requestOf(target: Target, mix: Mix, id: number): Request {
  const kind = mix.kinds[id % mix.kinds.length] as Kind;
  const token = mix.tokens[id % mix.tokens.length] as string;
  const backend = kind === "backend-denied" ? "vault-ro" : "eks-ro";
  const tool = kind === "tool-denied" ? "eks_delete_pod" : "eks_get_pods";
  const asked = { id, bytes: mix.bytes, isStream: kind === "stream" };
  const isRefused = target.refuses.includes(kind);
  return {
    path: `${target.prefix}/${backend}/mcp`,
    headers: {
      authorization: kind === "unauthenticated" ? "Bearer bm9ib2R5IGtub3dzIHRoaXMga2V5" : `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    },
    body: callFor(asked, tool),
    fault: (status, text) => {
      const isRight = isRefused ? isRefusal(kind, status, text) : status === 200 && text === answerTo(asked);
      return isRight ? null : `${target.name} answered ${kind} ${id} with ${status} ${text.slice(0, 200)}`;
    },
  };
}

/** The status and error code of each refusal (src/gateway/refusals.ts); nginx answers pages of its own. */
function isRefusal(kind: Kind, status: number, text: string): boolean {
  if (kind === "tool-denied") return status === 200 && text.includes('"code":-32602');
  if (kind === "backend-denied") return status === 403 && (text.includes('"code":-31403') || text.includes("nginx"));
  return kind === "unauthenticated" && status === 401;
}
