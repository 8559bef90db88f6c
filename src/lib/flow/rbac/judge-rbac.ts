import { missingArguments } from "../missing-arguments.ts";
import type { KubernetesRequest, ServiceAccount } from "../requests.ts";
import { showTemplate, textOf } from "../template.ts";
import { unknownVerdict, type Verdict } from "../verdict.ts";
import { contentsReader, type Contents } from "./aggregate.ts";
import { plural } from "../../plural.ts";
import { and, argumentsBetween, askedOf, matchNamespace, matchRule, type Asked } from "./asked.ts";
import { EVERYTHING, FOR_ALL, SYSTEM_BINDINGS, SYSTEM_NAMESPACE } from "./bootstrap.ts";
import type { ClusterFacts } from "./cluster-facts.ts";
import type { Readings } from "./readings.ts";
import { inForceReader } from "./in-force.ts";
import { severalSnapshots } from "./snapshot-mark.ts";
import { grantsReader, type Grants } from "./grants.ts";
import { rulesOf } from "./granted-rules.ts";
import type { Binding, Role } from "./rbac-objects.ts";
import { nearest } from "./nearest.ts";
import { danglingText, isDangling, unseenRole } from "./unseen-role.ts";
import { denialText, grantText, label, shortName, type Granted } from "./words.ts";

/** Answers for one cluster, whose facts it has put in order once. */
export type RbacJudge = (account: ServiceAccount, request: KubernetesRequest) => Verdict;

interface Cluster {
  readonly facts: ClusterFacts;
  /** What bindings that most clusters have give to everybody, where they are not among the facts. */
  readonly givenUnseen: typeof FOR_ALL;
  readonly contentsOf: (role: Role) => Contents;
  readonly doubtAbout: (object: Binding | Role) => string | null;
}

/** What one binding says of one request. */
type Opinion = { readonly says: "yes" | "maybe"; readonly granted: Granted } | { readonly says: "no" };

const NO: Opinion = { says: "no" };
const MAX_MISSING = 5;

/**
 * May the ServiceAccount do this, by the RBAC of these facts (kubernetes, plugin/pkg/auth/authorizer/rbac)? Allowed when
 * a rule allows it whatever the arguments are that are not known; denied when none can, and the facts that would tell of
 * one are complete; else unknown.
 */
export function rbacJudge(facts: ClusterFacts): RbacJudge {
  const givenUnseen = facts.isWhole("ClusterRoleBinding") ? [] : FOR_ALL.filter(([name]) => !hasBinding(facts, name));
  const cluster = { facts, givenUnseen, contentsOf: contentsReader(facts), doubtAbout: inForceReader(facts) };
  const grantsFor = grantsReader(facts);
  const several = severalSnapshots(facts.snapshots);
  if (several !== null)
    return () => unknownVerdict("facts_contradict", "there is more than one snapshot of a cluster", [several]);
  return (account, request) => judge(cluster, { account, request, grants: grantsFor(account) });
}

/** The same for a single question. */
export function judgeRbac(facts: ClusterFacts, account: ServiceAccount, request: KubernetesRequest): Verdict {
  return rbacJudge(facts)(account, request);
}

interface Question {
  readonly account: ServiceAccount;
  readonly request: KubernetesRequest;
  readonly grants: Grants;
}

function judge(cluster: Cluster, question: Question): Verdict {
  const asked = askedOf(question.request);
  const doubts = new Set<string>();
  let maybe: Granted | null = null;
  for (const readings of bindingsFor(asked, question.grants)) {
    const opinion = opinionOf(readings, { cluster, asked, grants: question.grants, doubts });
    if (opinion.says === "yes") return allowed(opinion.granted);
    if (opinion.says === "maybe") maybe ??= opinion.granted;
  }
  for (const doubt of absenceDoubts(cluster, question, asked)) doubts.add(doubt);
  if (maybe !== null) return open(maybe, asked, doubts);
  return doubts.size === 0 ? denied(cluster, question, asked) : unknown(cluster, question, doubts);
}

/** ClusterRoleBindings always, and RoleBindings of any namespace that the request may be made in. */
function* bindingsFor(asked: Asked, grants: Grants): Iterable<Readings<Binding>> {
  yield* grants.clusterWide;
  const [only, ...others] = asked.namespaces.map(textOf);
  if (only !== null && only !== undefined && others.length === 0) return yield* grants.byNamespace.get(only) ?? [];
  for (const [namespace, bindings] of grants.byNamespace)
    if (matchNamespace(asked, namespace) !== "no") yield* bindings;
}

interface Circumstances {
  readonly cluster: Cluster;
  readonly asked: Asked;
  readonly grants: Grants;
  readonly doubts: Set<string>;
}

/** Where manifests disagree about a binding or its role, what they all allow is allowed, and what some allow is in doubt. */
function opinionOf(readings: Readings<Binding>, about: Circumstances): Opinion {
  const [binding] = readings;
  if (readings.length === 1) return opinionOfOne(binding, about);
  const opinions = readings.map((binding) => (about.grants.isFor(binding) ? opinionOfOne(binding, about) : NO));
  return agreed(opinions, readings, about.doubts);
}

function opinionOfOne(binding: Binding, about: Circumstances): Opinion {
  return ifInForce(binding, opinionOfBound(binding, about), about);
}

/** What may not be in the cluster allows nothing, and may once it is. */
function ifInForce(object: Binding | Role, opinion: Opinion, { cluster, doubts }: Circumstances): Opinion {
  const doubt = opinion.says === "no" ? null : cluster.doubtAbout(object);
  if (doubt === null) return opinion;
  doubts.add(doubt);
  return NO;
}

function opinionOfBound(binding: Binding, about: Circumstances): Opinion {
  const { kind, name } = binding.role;
  const roles = about.cluster.facts.role(kind === "Role" ? binding.namespace : null, name);
  if (roles === null) return opinionOfUnseen(binding, about);
  if (roles.length === 1) return opinionOfRole(binding, roles[0], about);
  return agreed(
    roles.map((role) => opinionOfRole(binding, role, about)),
    roles,
    about.doubts,
  );
}

function agreed(opinions: readonly Opinion[], readings: Readings<Role | Binding>, doubts: Set<string>): Opinion {
  const [first = NO, ...others] = opinions;
  if (others.every(({ says }) => says === first.says)) return first;
  doubts.add(`the manifests of ${label(readings[0])} must agree`);
  return NO;
}

function opinionOfUnseen(binding: Binding, { cluster, asked, doubts }: Circumstances): Opinion {
  const role = unseenRole(binding, cluster.facts);
  if (role === "everything")
    return within(binding, asked, { binding, role: null, source: null, index: 0, rule: EVERYTHING });
  if (role !== "missing") doubts.add(role.doubt);
  return NO;
}

function opinionOfRole(binding: Binding, role: Role, about: Circumstances): Opinion {
  return ifInForce(role, opinionOfRules(binding, role, about), about);
}

function opinionOfRules(binding: Binding, role: Role, about: Circumstances): Opinion {
  const { cluster, asked, doubts } = about;
  const { sources, doubts: ofContents } = cluster.contentsOf(role);
  let maybe: Opinion = NO;
  for (const source of sources) {
    for (const [index, rule] of source.rules.entries()) {
      if (matchRule(rule, asked) === "no") continue;
      const given = within(binding, asked, { binding, role, source, index, rule });
      const opinion = source === role ? given : ifInForce(source, given, about);
      if (opinion.says === "yes") return opinion;
      if (maybe.says === "no") maybe = opinion;
    }
  }
  for (const doubt of ofContents) doubts.add(doubt);
  return maybe;
}

/** The opinion of a rule that matches, or may, where the binding stands. */
function within(binding: Binding, asked: Asked, granted: Granted): Opinion {
  const isHere = binding.namespace === null ? "yes" : matchNamespace(asked, binding.namespace);
  const says = and(isHere, matchRule(granted.rule, asked));
  return says === "no" ? NO : { says, granted };
}

/** Why may there be a rule that is not among the facts? */
function absenceDoubts({ facts, givenUnseen }: Cluster, { account }: Question, asked: Asked): readonly string[] {
  const kinds = asked.namespaces.every((namespace) => textOf(namespace) === "")
    ? ["ClusterRoleBinding"]
    : ["ClusterRoleBinding", "RoleBinding"];
  const unseen = kinds.filter((kind) => !facts.isComplete(kind));
  const doubts = unseen.map((kind) => `all ${kind}s must be known`);
  if (unseen.length === 0 && !facts.isWhole("ClusterRoleBinding")) {
    const given = givenUnseen.find(([, rule]) => matchRule(rule, asked) !== "no");
    if (given !== undefined) doubts.push(`ClusterRoleBinding ${given[0]} must be known, which most clusters make`);
    if (account.namespace === SYSTEM_NAMESPACE) doubts.push(SYSTEM_BINDINGS);
  }
  return [...doubts, ...facts.doubts];
}

function hasBinding(facts: ClusterFacts, name: string): boolean {
  return facts.bindings.some(([binding]) => binding.namespace === null && binding.name === name);
}

function allowed(granted: Granted): Verdict {
  return { outcome: "allow", reason: "rule_allows", ...grantText(granted), source: "file", missing: [] };
}

function open(granted: Granted, asked: Asked, doubts: ReadonlySet<string>): Verdict {
  const names = argumentsBetween(granted.rule, asked, granted.binding.namespace);
  const missing =
    names.length === 0
      ? ["whether the request names its object decides: a server-side apply does, a create does not"]
      : missingArguments(names);
  const { text, place } = grantText(granted);
  return {
    outcome: "unknown",
    reason: names.length === 0 ? "name_uncertain" : "argument_unknown",
    text: `only for some requests: ${text}`,
    place,
    source: "file",
    missing: [...missing, ...doubts].slice(0, MAX_MISSING),
  };
}

function unknown({ facts }: Cluster, question: Question, doubts: ReadonlySet<string>): Verdict {
  const isEmpty = facts.bindings.length === 0;
  return {
    outcome: "unknown",
    reason: isEmpty ? "no_facts" : "facts_incomplete",
    text: isEmpty ? "no binding is among the facts" : `no rule that is known allows it to ${subjectText(question)}`,
    place: null,
    source: isEmpty ? "nothing" : "file",
    missing: [...doubts].slice(0, MAX_MISSING),
  };
}

function denied(cluster: Cluster, question: Question, asked: Asked): Verdict {
  const near = nearest(question.grants, asked, (binding) => rulesOf(binding, cluster));
  const { text, place } = denialText(subjectText(question), near, showTemplate(asked.verb));
  const { clusterWide, byNamespace, isFor } = question.grants;
  const dangling = [...clusterWide, ...[...byNamespace.values()].flat()]
    .flat()
    .find((binding) => isFor(binding) && isDangling(binding, cluster.facts));
  return {
    outcome: "deny",
    reason: "no_rule",
    text: dangling === undefined ? text : `${text}; ${danglingText(dangling)}`,
    place,
    source: "file",
    missing: [],
  };
}

function subjectText({ account, grants }: Question): string {
  const name = `ServiceAccount ${shortName(account.namespace)}/${shortName(account.name)}`;
  return grants.count === 0 ? `${name}, which nothing binds` : `${name}, which has ${plural(grants.count, "binding")}`;
}
