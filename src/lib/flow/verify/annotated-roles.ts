import { accountOf } from "../account-of.ts";
import { at, textAt } from "../rbac/fact-objects.ts";
import { ROLE_ANNOTATION } from "../rbac/role-annotation.ts";
import { findingAt, verified, type Verified, type VerifySubject } from "./subject.ts";

/** Does a backend's ServiceAccount name another IAM role than the registry does (EKS, "IAM roles for service accounts")? */
export function annotatedRoles({ cluster, registry }: VerifySubject): Verified {
  const accounts = Map.groupBy(cluster?.objectsOf("ServiceAccount", "") ?? [], ({ value }) => {
    const metadata = at(value, "metadata");
    return `${textAt(metadata, "namespace")}/${textAt(metadata, "name")}`;
  });
  const findings = [...registry.values()].flatMap((backend) => {
    const account = accountOf(backend);
    if (account === null) return [];
    const about = `${account.namespace}/${account.name}`;
    return (accounts.get(about) ?? []).flatMap(({ value, document, path }) => {
      const role = textAt(at(at(value, "metadata"), "annotations"), ROLE_ANNOTATION);
      if (role === null || role === backend.iamRole) return [];
      const promised = backend.iamRole === undefined ? "none" : backend.iamRole;
      return [
        findingAt(
          "MC604",
          document.placeOf([...path, "metadata", "annotations", ROLE_ANNOTATION]),
          `ServiceAccount ${about} of "${backend.name}" names IAM role ${role}, and the registry ${promised}`,
          "Name as iamRole what its pod gets: `can` and `verify` judge that role alone.",
        ),
      ];
    });
  });
  return verified({ findings });
}
