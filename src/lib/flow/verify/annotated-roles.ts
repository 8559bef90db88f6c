import { at } from "../../json/members.ts";
import { namespacedName } from "../rbac/fact-objects.ts";
import { ROLE_ANNOTATION, roleNamedIn } from "../rbac/role-annotation.ts";
import { findingAt, together, verified, type Verified, type VerifySubject } from "./subject.ts";

/**
 * Does a backend's ServiceAccount name another IAM role than the registry does (EKS, "IAM roles for service accounts"), or
 * an association give it one (EKS, "Pod Identity")?
 */
export function annotatedRoles(subject: VerifySubject): Verified {
  return together([annotations(subject), associations(subject)]);
}

/** Those of another cluster may be among the facts, so that one that gives the registry's role is enough. */
function associations({ iam, registry }: VerifySubject): Verified {
  const findings = [...registry.values()].flatMap((backend) => {
    const given = (iam?.associations ?? []).filter(
      ({ namespace, serviceAccount }) => `${namespace}/${serviceAccount}` === backend.serviceAccount,
    );
    const roles = given.map((each) => ({ ...each, role: each.targetRoleArn ?? each.roleArn }));
    if (roles.some(({ role }) => role === backend.iamRole)) return [];
    return roles.flatMap(({ role, spot: { document, path } }) => {
      if (role === null) return [];
      const message = `an association gives ServiceAccount ${backend.serviceAccount} of "${backend.name}" IAM role ${role}`;
      return [
        findingAt("MC604", document.placeOf(path), `${message}, and the registry ${backend.iamRole ?? "none"}`, HINT),
      ];
    });
  });
  return verified({ findings });
}

const HINT = "Name as iamRole what its pod gets: `can` and `verify` judge that role alone.";

function annotations({ cluster, registry }: VerifySubject): Verified {
  const accounts = Map.groupBy(cluster?.objectsOf("ServiceAccount", "") ?? [], namespacedName);
  const findings = [...registry.values()].flatMap((backend) => {
    const about = backend.serviceAccount ?? "";
    return (accounts.get(about) ?? []).flatMap(({ value, document, path }) => {
      const role = roleNamedIn(at(at(value, "metadata"), "annotations"));
      if (role === null || role === "unknown" || role === backend.iamRole) return [];
      return [
        findingAt(
          "MC604",
          document.placeOf([...path, "metadata", "annotations", ROLE_ANNOTATION]),
          `ServiceAccount ${about} of "${backend.name}" names IAM role ${role}, and the registry ${backend.iamRole ?? "none"}`,
          HINT,
        ),
      ];
    });
  });
  return verified({ findings });
}
