import type { RefusalReason } from "../../audit/reasons.ts";
import type { Place } from "../source.ts";
import type { ToolRule } from "../tools.ts";

/** One call, and what the gateway is expected to say to it. */
export interface Expectation {
  readonly role: string;
  readonly backend: string;
  /** Both null to ask for the backend alone. */
  readonly method: string | null;
  readonly tool: string | null;
  readonly expect: "allow" | "deny";
  /** Why it must be denied; null for any reason. */
  readonly reason: RefusalReason | null;
  /** The line that expects it. */
  readonly place: Place;
}

/** What the role must be allowed of one backend. */
export interface AllowedCell {
  /** Null for the whole backend, else exactly these tools. */
  readonly tools: ToolRule | null;
  readonly place: Place;
}

interface Named {
  readonly name: string;
  readonly place: Place;
}

export interface CaseTest extends Named {
  readonly kind: "case";
  readonly expectation: Expectation;
}

/** Every role against every backend: what is not allowed must be denied. All names in it are known. */
export interface MatrixTest extends Named {
  readonly kind: "matrix";
  readonly roles: ReadonlySet<string>;
  readonly backends: ReadonlySet<string>;
  readonly allow: ReadonlyMap<string, ReadonlyMap<string, AllowedCell>>;
}

export type PolicyTest = CaseTest | MatrixTest;

/** `dev-readonly -> eks-ro, tool eks_delete_pod`: a call as people say it. */
export function describeCall({
  role,
  backend,
  method,
  tool,
}: Omit<Expectation, "expect" | "reason" | "place">): string {
  const what = tool !== null ? `, tool ${tool}` : method !== null ? `, method ${method}` : "";
  return `${role} -> ${backend}${what}`;
}
