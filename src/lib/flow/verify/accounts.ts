import { accountOf } from "../account-of.ts";
import type { Backend } from "../../policy/registry.ts";
import { namespacedName } from "../rbac/fact-objects.ts";
import { findingOf, verified, type Verified, type VerifySubject } from "./subject.ts";

/** Does each backend have its own ServiceAccount and IAM role? What one may do is else what all of them may. */
export function ownIdentities(subject: VerifySubject): Verified {
  const backends = [...subject.registry.values()];
  const standard = backends.filter((backend) => accountOf(backend)?.name === "default");
  const nameless = backends.filter(({ serviceAccount }) => serviceAccount === undefined);
  return verified({
    findings: [
      ...nameless.map((backend) =>
        findingOf("MC603", subject, backend, [
          `"${backend.name}" names no ServiceAccount, so nothing tells what its pod may do`,
          "Give it one of its own, and name it as serviceAccount.",
        ]),
      ),
      ...missingAccounts(subject).map((backend) =>
        findingOf("MC603", subject, backend, [
          `"${backend.name}" names ServiceAccount ${backend.serviceAccount}, which does not exist`,
          "Correct the name, or make it: whoever makes one of that name gives its rights to this backend.",
        ]),
      ),
      ...standard.map((backend) =>
        findingOf("MC603", subject, backend, [
          `"${backend.name}" has the ServiceAccount default, which every pod of its namespace has that names none`,
          "Give it one of its own, and name it as serviceAccount.",
        ]),
      ),
      ...shared(backends, ({ serviceAccount }) => serviceAccount).map(([backend, first, what]) =>
        findingOf("MC603", subject, backend, [
          `"${backend.name}" and "${first.name}" have one ServiceAccount, ${what}`,
          "Give each its own: what one of them needs the other may do as well.",
        ]),
      ),
      ...shared(backends, ({ iamRole }) => iamRole).map(([backend, first, what]) =>
        findingOf("MC604", subject, backend, [
          `"${backend.name}" and "${first.name}" have one IAM role, ${what}`,
          "Give each its own: what one of them needs the other may do as well.",
        ]),
      ),
    ],
  });
}

/** Where all ServiceAccounts are known; every namespace has its `default` without a manifest. */
function missingAccounts({ cluster, registry }: VerifySubject): readonly Backend[] {
  if (cluster?.isComplete("ServiceAccount") !== true || cluster.doubts.length > 0) return [];
  const known = new Set(cluster.objectsOf("ServiceAccount", "").map(namespacedName));
  return [...registry.values()].filter((backend) => {
    const account = accountOf(backend);
    return account !== null && account.name !== "default" && !known.has(`${account.namespace}/${account.name}`);
  });
}

function shared(
  backends: readonly Backend[],
  identityOf: (backend: Backend) => string | undefined,
): readonly (readonly [backend: Backend, first: Backend, identity: string])[] {
  const firsts = new Map<string, Backend>();
  return backends.flatMap((backend) => {
    const identity = identityOf(backend);
    if (identity === undefined) return [];
    const first = firsts.get(identity);
    if (first !== undefined) return [[backend, first, identity] as const];
    firsts.set(identity, backend);
    return [];
  });
}
