import { holesOf, showTemplate, textOf, type Match } from "../template.ts";
import type { AwsRequest } from "../requests.ts";
import { matchCondition, soleValue, type RequestContext } from "./conditions.ts";
import { subjectOf, type Subject } from "./glob.ts";
import { matchNames, type Matched } from "./match-name.ts";
import { matchPrincipal, type Principal } from "./match-principal.ts";
import type { PolicyFact } from "./policy-fact.ts";
import type { Condition, Statement } from "./policy.ts";
import { lower } from "./policy-variables.ts";

/** A request as policies are asked about it. */
export interface Asked {
  readonly request: AwsRequest;
  readonly action: Subject;
  readonly resource: Subject;
  readonly context: RequestContext;
  /** Who asks, where policies name a Principal; else null. */
  readonly principal: Principal | null;
}

/** A statement that applies to a request, or that may. */
export interface Hit {
  readonly policy: PolicyFact;
  readonly statement: Statement;
  /** The action, or with NotAction null, by which it applies. */
  readonly action: string | null;
  /** Keys of the request on which it depends whether it applies. */
  readonly keys: readonly string[];
  /** What else that depends on: each a sentence without a full stop. */
  readonly doubts: readonly string[];
}

/** What several policies say of a request: surely, or perhaps. The first of each decides what is told. */
export interface Weighed {
  readonly denies: Hit | null;
  readonly mayDeny: Hit | null;
  readonly allows: Hit | null;
  readonly mayAllow: Hit | null;
}

export function ask(request: AwsRequest, context: RequestContext, principal: Principal | null = null): Asked {
  const action = subjectOf([lower(request.action)]);
  return { request, action, resource: subjectOf(request.resource), context, principal };
}

export function weigh(policies: readonly PolicyFact[], asked: Asked): Weighed {
  const found: { -readonly [Name in keyof Weighed]: Weighed[Name] } = {
    denies: null,
    mayDeny: null,
    allows: null,
    mayAllow: null,
  };
  for (const policy of policies) {
    for (const statement of policy.statements) {
      const { match, hit } = matchStatement(policy, statement, asked);
      if (match === "no") continue;
      if (statement.effect === "Deny") found[match === "yes" ? "denies" : "mayDeny"] ??= hit();
      else found[match === "yes" ? "allows" : "mayAllow"] ??= hit();
    }
  }
  return found;
}

interface Applied {
  readonly match: Match;
  readonly hit: () => Hit;
}

const NOT_AT_ALL: Applied = {
  match: "no",
  hit: () => {
    throw new Error("a statement that does not apply decides nothing");
  },
};

function matchStatement(policy: PolicyFact, statement: Statement, asked: Asked): Applied {
  const principal = matchPrincipal(statement.principals, asked.principal);
  if (principal === "no") return NOT_AT_ALL;
  const told = (key: string): string | null => soleValue(asked.context.valuesOf(key));
  const action = matchNames(statement.actions, asked.action, told);
  if (action.match === "no") return NOT_AT_ALL;
  const resource: Matched =
    statement.resources === null ? { match: "yes", by: null } : matchNames(statement.resources, asked.resource, told);
  if (resource.match === "no") return NOT_AT_ALL;
  const unsure: Condition[] = [];
  for (const condition of statement.conditions) {
    const match = matchCondition(condition, asked.context, statement.hasVariables);
    if (match === "no") return NOT_AT_ALL;
    if (match === "maybe") unsure.push(condition);
  }
  const untold = statement.variables.filter((key) => told(key) === null);
  const isSure =
    untold.length === 0 &&
    principal === "yes" &&
    action.match === "yes" &&
    resource.match === "yes" &&
    unsure.length === 0;
  const hit = (): Hit => ({
    policy,
    statement,
    action: statement.actions.isNegated ? null : (action.by?.shown ?? null),
    keys: [...new Set(unsure.map(({ key }) => key))],
    doubts: [
      ...untold.map((key) => `the value of ${key}, a variable of the statement`),
      ...(principal === "maybe" ? [`whether its Principal means ${asked.principal?.name}`] : []),
      ...actionDoubts(action, asked),
      ...resourceDoubts(resource, asked),
    ],
  });
  return { match: isSure ? "yes" : "maybe", hit };
}

function actionDoubts({ match }: Matched, { request }: Asked): readonly string[] {
  return match === "maybe" ? [`which of ${request.action} is called`] : [];
}

function resourceDoubts({ match, by }: Matched, { request }: Asked): readonly string[] {
  if (match !== "maybe") return [];
  const holes = holesOf(request.resource);
  if (holes.length > 0) return holes.map((hole) => `the argument ${hole}`);
  const shown = showTemplate(request.resource);
  if (textOf(request.resource)?.includes("*") === true)
    return [`which resources ${request.action} on ${shown} is about`];
  return [`whether ${by?.shown ?? "a resource of the policy"} is sure to match ${shown}`];
}
