import { accountOf } from "../account-of.ts";
import { listSome } from "../../list-some.ts";
import type { Place } from "../../policy/source.ts";
import { askedOf, matchRule } from "../rbac/asked.ts";
import { grantedRulesReader } from "../rbac/granted-rules.ts";
import { CLUSTER_ADMIN } from "../rbac/bootstrap.ts";
import type { Rule } from "../rbac/rbac-objects.ts";
import { danglingText } from "../rbac/unseen-role.ts";
import { grantText, label, type Granted } from "../rbac/words.ts";
import { findingAt, findingOf, skipped, together, verified, type Verified, type VerifySubject } from "./subject.ts";

const READS = new Set(["get", "list", "watch"]);
const MOST_NAMED = 5;

/** Is each `ro` backend really read-only in layer 2, and is nothing bound to cluster-admin, or to what does not exist? */
export function kubernetesRights(subject: VerifySubject): Verified {
  const { cluster, registry } = subject;
  if (cluster === null) return skipped(["MC601", "MC605", "MC612"], "no manifests read (policy.manifests)");
  const reader = grantedRulesReader(cluster);
  return together(
    [...registry.values()].map((backend) => {
      const account = accountOf(backend);
      if (account === null) return verified({});
      const { rules, doubts, dangling } = reader.of(account);
      const admins = rules.filter(isAdmin);
      const writes =
        backend.access === "ro" ? rules.filter((each) => !isAdmin(each) && writingVerbs(each.rule).length > 0) : [];
      const about = `${account.namespace}/${account.name}`;
      return verified({
        findings: [
          ...onlyOnce(admins, ({ binding }) => label(binding)).map(({ binding }) =>
            findingAt(
              "MC605",
              binding.object.document.placeOf(binding.object.path),
              `ServiceAccount ${about} of "${backend.name}" is cluster-admin, by ${label(binding)}`,
              "Bind it to a role of its own with what its tools need.",
            ),
          ),
          ...dangling.map((binding) =>
            findingAt(
              "MC612",
              binding.object.document.placeOf(binding.object.path),
              danglingText(binding),
              "Correct the name, or remove the binding: whoever makes a role of that name gives it to whom this binds.",
            ),
          ),
          ...writes.map((granted) =>
            findingOfWrite(
              granted,
              (place, text) =>
                place === null
                  ? findingOf("MC601", subject, backend, [text, HINT])
                  : findingAt("MC601", place, text, HINT),
              `"${backend.name}" is ro, and its ServiceAccount ${about} may`,
            ),
          ),
        ],
        undecided:
          doubts.length === 0 || (writes.length > 0 && admins.length > 0)
            ? []
            : (backend.access === "ro" ? ["MC601", "MC605"] : ["MC605"]).map((code) => ({
                code,
                about: backend.name,
                missing: doubts.slice(0, MOST_NAMED),
              })),
      });
    }),
  );
}

const HINT = "Take the verbs away from the role, bind another one, or say access: rw.";

function findingOfWrite<T>(granted: Granted, make: (place: Place | null, text: string) => T, start: string): T {
  const { text, place } = grantText(granted);
  const verbs = listSome(writingVerbs(granted.rule), MOST_NAMED);
  return make(
    place,
    `${start} ${verbs === "*" ? "do anything" : verbs} ${listSome(granted.rule.resources, MOST_NAMED)}: ${text}`,
  );
}

function isAdmin({ binding, rule }: Granted): boolean {
  const isEverything = [rule.verbs, rule.apiGroups, rule.resources].every((list) => list.includes("*"));
  return (
    (binding.role.kind === "ClusterRole" && binding.role.name === CLUSTER_ADMIN) ||
    (isEverything && binding.namespace === null)
  );
}

/** What a `get` does that is no reading: a WebSocket begins with one, and a proxied request does whatever is asked for. */
const DONE_BY_GET = ["pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy", "nodes/proxy"].map(
  (resource) =>
    askedOf({ verb: ["get"], group: [], resource: [resource], namespace: ["-"], name: [{ argument: "name" }] }),
);

/** Asking what oneself may do is a create, and changes nothing; a rule without resources is about paths like /metrics. */
function writingVerbs(rule: Rule): readonly string[] {
  const { verbs, resources } = rule;
  if (resources.every((resource) => /^selfsubject\w*reviews$/.test(resource))) return [];
  const isDoneByGet = DONE_BY_GET.some((asked) => matchRule(rule, asked) !== "no");
  return verbs.filter((verb) => !READS.has(verb) || (verb === "get" && isDoneByGet));
}

function onlyOnce<T>(items: readonly T[], nameOf: (item: T) => string): readonly T[] {
  return [...new Map(items.map((item) => [nameOf(item), item])).values()];
}
