import type { Skipped } from "../../policy/check-report.ts";
import type { Backend, Declared, Registry } from "../../policy/registry.ts";
import { ruleOf } from "../../policy/rules/catalogue.ts";
import type { Finding, Place, SourceText } from "../../policy/source.ts";
import type { IamFacts } from "../iam/iam-facts.ts";
import type { ClusterFacts } from "../rbac/cluster-facts.ts";

/** A tool that a server lists, and what it says of it. */
export interface OfferedTool {
  readonly name: string;
  readonly declared: Declared;
}

/** Everything that `verify` may look at; null for what nobody asked for or nobody could read. */
export interface VerifySubject {
  readonly registry: Registry;
  readonly registrySource: SourceText;
  readonly cluster: ClusterFacts | null;
  readonly iam: IamFacts | null;
  readonly gatewayNamespace: string | null;
  /** What the servers list, by backend. */
  readonly offered: ReadonlyMap<string, readonly OfferedTool[]> | null;
  /** What came of trying to reach the servers, by backend. */
  readonly reached: ReadonlyMap<string, ProbeOutcome> | null;
}

/** What came of trying to reach a server from a pod that is not the gateway's. */
export type ProbeOutcome =
  | "reached"
  /** Refused or dropped, though the server would have answered. */
  | "kept-out"
  /** Why nobody can tell, a sentence without a full stop. */
  | { readonly undecided: string };

/** A question that the facts leave open. */
export interface Undecided {
  readonly code: string;
  /** The backend or namespace that it is about. */
  readonly about: string;
  /** What would decide it, each a sentence without a full stop. */
  readonly missing: readonly string[];
}

export interface Verified {
  readonly findings: readonly Finding[];
  readonly undecided: readonly Undecided[];
  readonly skipped: readonly Skipped[];
}

export function verified(some: Partial<Verified>): Verified {
  return { findings: [], undecided: [], skipped: [], ...some };
}

export function skipped(codes: readonly string[], why: string): Verified {
  return verified({ skipped: codes.map((code) => ({ code, why })) });
}

export function together(parts: readonly Verified[]): Verified {
  return {
    findings: parts.flatMap(({ findings }) => findings),
    undecided: parts.flatMap(({ undecided }) => undecided),
    skipped: parts.flatMap((part) => part.skipped),
  };
}

/** A finding of this rule about a fact, of the severity of the catalogue. */
export function findingAt(code: string, place: Place, message: string, hint: string | null): Finding {
  const { severity } = ruleOf(code);
  return { code, severity, message, place, length: 1, excerpt: null, hint, isUnreadable: false };
}

/** A finding about a backend, or one of its tools, with its line of the registry. */
export function findingOf(
  code: string,
  { registrySource }: VerifySubject,
  { name, place }: Pick<Backend, "name" | "place">,
  [message, hint]: readonly [string, string | null],
): Finding {
  const excerpt = registrySource.line(place.line);
  return { ...findingAt(code, place, message, hint), length: name.length, excerpt };
}
