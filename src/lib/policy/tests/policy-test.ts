import type { RefusalReason } from "../../audit/reasons.ts";
import type { Place } from "../source.ts";
import type { ToolRule } from "../tools.ts";

/** Whose answer is meant: that of one layer alone, or of all that a call has to pass. */
export const TESTED_LAYERS = ["gateway", "kubernetes", "aws", "all"] as const;
export type TestedLayer = (typeof TESTED_LAYERS)[number];

/** One call, and what is expected to be said to it. */
export interface Expectation {
  readonly layer: TestedLayer;

  readonly role: string;
  readonly backend: string;
  /** Both null to ask for the backend alone. */
  readonly method: string | null;
  readonly tool: string | null;
  /** The arguments of the call that are known; only the layers below the gateway ask for any. */
  readonly args: ReadonlyMap<string, string>;
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

/** `dev-readonly -> eks-ro, tool eks_delete_pod, at kubernetes`: a call as people say it. */
export function describeCall({
  role,
  backend,
  method,
  tool,
  layer,
}: Omit<Expectation, "args" | "expect" | "reason" | "place">): string {
  const what = tool !== null ? `, tool ${tool}` : method !== null ? `, method ${method}` : "";
  const where = layer === "gateway" ? "" : layer === "all" ? ", through all layers" : `, at ${layer}`;
  return `${role} -> ${backend}${what}${where}`;
}
