import { endOfValue, isObjectAt, walkMembers, type Span } from "../json/raw-json.ts";

/** A JSON-RPC message that was accepted, as far as its record is concerned. */
export interface AuditedMessage {
  /** The whole JSON text, already accepted by `parseJson`. */
  readonly text: string;
  readonly kind: "request" | "notification" | "response";
  readonly method: string | null;
  /** The tool of a `tools/call`, else null. */
  readonly tool: string | null;
}

/** Where in a message's text stands what its record repeats. */
export interface MessageParts {
  readonly id: Span | null;
  /** The arguments of a `tools/call`. */
  readonly args: Span | null;
  /** Runs of members, commas between them included: all other parameters, or the result or error of a response. */
  readonly members: readonly Span[];
  /** Whether a client repeats a call with what the server asked for (MCP 2026-07-28, multi round-trip requests). */
  readonly isRetry: boolean;
}

const OF_TOOL_CALLS: ReadonlySet<string> = new Set(["name", "arguments"]);

/** Finds the parts in one walk over the message. */
export function findParts({ text, kind, method }: AuditedMessage): MessageParts {
  let id: Span | null = null;
  let parameters = NO_PARAMETERS;
  walkMembers(text, 0, (name, nameAt, valueAt) => {
    if (name === "params" && kind !== "response" && isObjectAt(text, valueAt)) {
      parameters = findParameters(text, valueAt, method === "tools/call");
      return parameters.end;
    }
    const end = endOfValue(text, valueAt);
    if (name === "id") id = { start: valueAt, end };
    else if (kind === "response" && (name === "result" || name === "error"))
      parameters = { ...NO_PARAMETERS, members: [{ start: nameAt, end }] };
    return end;
  });
  const { args, members, isRetry } = parameters;
  return { id, args, members, isRetry };
}

interface Parameters extends Omit<MessageParts, "id"> {
  /** The offset after the object. */
  readonly end: number;
}

const NO_PARAMETERS: Parameters = { args: null, members: [], isRetry: false, end: 0 };

function findParameters(text: string, from: number, isToolCall: boolean): Parameters {
  let args: Span | null = null;
  let isRetry = false;
  let run: { start: number; end: number } | null = null;
  const members: Span[] = [];
  const end = walkMembers(text, from, (name, nameAt, valueAt) => {
    const valueEnd = endOfValue(text, valueAt);
    if (isToolCall && name === "arguments") args = { start: valueAt, end: valueEnd };
    if (name === "inputResponses" || name === "requestState") isRetry = true;
    if (name === "_meta" || (isToolCall && OF_TOOL_CALLS.has(name))) {
      run = null;
    } else if (run === null) {
      run = { start: nameAt, end: valueEnd };
      members.push(run);
    } else {
      run.end = valueEnd;
    }
    return valueEnd;
  });
  return { args, members, isRetry, end };
}
