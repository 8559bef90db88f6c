import { accountOf } from "../account-of.ts";
import { listSome } from "../../list-some.ts";
import type { Backend } from "../../policy/registry.ts";
import type { Finding } from "../../policy/source.ts";
import { askedOf, matchRule } from "../rbac/asked.ts";
import { grantedRulesReader } from "../rbac/granted-rules.ts";
import { CLUSTER_ADMIN } from "../rbac/bootstrap.ts";
import type { Binding, Rule } from "../rbac/rbac-objects.ts";
import { danglingText } from "../rbac/unseen-role.ts";
import { grantText, label, type Granted } from "../rbac/words.ts";
import type { ServiceAccount } from "../requests.ts";
import { findingAt, findingOf, skipped, together, verified, type Verified, type VerifySubject } from "./subject.ts";

const READS = new Set(["get", "list", "watch"]);
const READS_OF_URLS = new Set(["get", "head", "options"]);
const MOST_NAMED = 5;
const HINT = "Take the verbs away from the role, bind another one, or say access: rw.";

/** Is each `ro` backend really read-only in layer 2, and is nothing bound to cluster-admin, or to what does not exist? */
export function kubernetesRights(subject: VerifySubject): Verified {
  const { cluster, registry } = subject;
  if (cluster === null) return skipped(["MC601", "MC605", "MC612"], "no manifests read (policy.manifests)");
  const reader = grantedRulesReader(cluster);
  return together(
    [...registry.values()].map((backend) => {
      const account = accountOf(backend);
      if (account === null) return judged(backend, [], ["its ServiceAccount must be named"]);
      const { rules, doubts, dangling } = reader.of(account);
      const writes = backend.access === "ro" ? rules.filter(({ rule }) => writingVerbs(rule).length > 0) : [];
      const findings = [
        ...onlyOnce(rules.filter(isAdmin)).map((binding) => adminFinding(binding, { backend, account })),
        ...dangling.map(danglingFinding),
        ...writes.map((granted) => writeFinding(granted, { backend, account }, subject)),
      ];
      return judged(backend, findings, doubts);
    }),
  );
}

/** What is found is so, whatever is not known. */
function judged({ access, name }: Backend, findings: readonly Finding[], doubts: readonly string[]): Verified {
  const asked = access === "ro" ? ["MC601", "MC605"] : ["MC605"];
  const open = doubts.length === 0 ? [] : asked.filter((code) => findings.every((finding) => finding.code !== code));
  const missing = doubts.slice(0, MOST_NAMED);
  return verified({ findings, undecided: open.map((code) => ({ code, about: name, missing })) });
}

interface Who {
  readonly backend: Backend;
  readonly account: ServiceAccount;
}

function adminFinding(binding: Binding, { backend, account }: Who): Finding {
  const where = binding.namespace === null ? "" : ` of namespace ${binding.namespace}`;
  return findingAt(
    "MC605",
    binding.object.document.placeOf(binding.object.path),
    `ServiceAccount ${account.namespace}/${account.name} of "${backend.name}" is cluster-admin${where}, by ${label(binding)}`,
    "Bind it to a role of its own with what its tools need.",
  );
}

function danglingFinding(binding: Binding): Finding {
  return findingAt(
    "MC612",
    binding.object.document.placeOf(binding.object.path),
    danglingText(binding),
    "Correct the name, or remove the binding: whoever makes a role of that name gives it to whom this binds.",
  );
}

function writeFinding(granted: Granted, { backend, account }: Who, subject: VerifySubject): Finding {
  const { text, place } = grantText(granted);
  const who = `"${backend.name}" is ro, and its ServiceAccount ${account.namespace}/${account.name}`;
  const message = `${who} may ${writeText(granted.rule)}: ${text}`;
  return place === null
    ? findingOf("MC601", subject, backend, [message, HINT])
    : findingAt("MC601", place, message, HINT);
}

function writeText(rule: Rule): string {
  const { resources } = rule;
  const what = resources.length === 0 ? "URLs that are no resources" : listSome(resources, MOST_NAMED);
  const verbs = writingVerbs(rule);
  return verbs.includes("*") ? `do anything to ${what}` : `${listSome(verbs, MOST_NAMED)} ${what}`;
}

function isAdmin({ binding, rule }: Granted): boolean {
  const isEverything =
    [rule.verbs, rule.apiGroups, rule.resources].every((list) => list.includes("*")) && rule.resourceNames.length === 0;
  return (
    (binding.role.kind === "ClusterRole" && binding.role.name === CLUSTER_ADMIN) ||
    (isEverything && binding.namespace === null)
  );
}

/**
 * What is no mere reading (Kubernetes, "RBAC Good Practices"): a WebSocket begins with a `get`, a proxied request does
 * whatever is asked for, and Secrets hold the credentials of others.
 */
const NO_MERE_READS = [
  ...["pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy", "nodes/proxy"].map(
    (resource) => ["get", resource] as const,
  ),
  ...[...READS].map((verb) => [verb, "secrets"] as const),
].map(([verb, resource]) => ({
  verb,
  asked: askedOf({ verb: [verb], group: [], resource: [resource], namespace: ["-"], name: [{ argument: "name" }] }),
}));

/** What creates a question, which nothing keeps. */
const QUESTIONS =
  /^(?:selfsubjectaccessreviews|selfsubjectrulesreviews|selfsubjectreviews|(?:local)?subjectaccessreviews|tokenreviews)$/;

/** Without resources a rule is about URLs like /metrics. */
function writingVerbs(rule: Rule): readonly string[] {
  const { verbs, resources } = rule;
  if (resources.length === 0) return verbs.filter((verb) => !READS_OF_URLS.has(verb));
  if (resources.every((resource) => QUESTIONS.test(resource))) return [];
  const more = new Set<string>(
    NO_MERE_READS.filter(({ asked }) => matchRule(rule, asked) !== "no").map(({ verb }) => verb),
  );
  return verbs.filter((verb) => !READS.has(verb) || more.has(verb));
}

/** The bindings of these rules. */
function onlyOnce(rules: readonly Granted[]): readonly Binding[] {
  return [...new Map(rules.map(({ binding }) => [label(binding), binding])).values()];
}
