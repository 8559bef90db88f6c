import { listSome } from "../../list-some.ts";
import type { Finding } from "../../policy/source.ts";
import type { IamFacts, RoleFact } from "../iam/iam-facts.ts";
import { writesOf } from "./aws-writes.ts";
import { findingAt, skipped, together, verified, type Verified, type VerifySubject } from "./subject.ts";

const MOST_NAMED = 5;
const HINT = "Narrow the statement to what the tools need, or say access: rw.";

/** Is each `ro` backend really read-only in layer 3? */
export function awsRights({ iam, registry }: VerifySubject): Verified {
  if (iam === null) return skipped(["MC602"], "no policies read (policy.iam)");
  return together(
    [...registry.values()].map(({ access, iamRole, name }) => {
      if (access !== "ro" || iamRole === undefined) return verified({});
      const role = iam.role(iamRole);
      if (role === null) return undecided(name, [`role ${iamRole} must be among the facts`]);
      if (role === "contradicted") return undecided(name, [`the facts must tell one thing of role ${iamRole}`]);
      const findings = writeFindings(name, role, iam);
      // A boundary that nobody knows may take all of it back.
      if (findings.length > 0 && role.boundary?.policy === null)
        return undecided(name, [`the document of the permissions boundary ${role.boundary.name}`]);
      const doubts = [
        ...role.doubts,
        ...(iam.isComplete(role.account) ? [] : [`all policies of ${iamRole} must be known`]),
      ];
      return findings.length > 0 || doubts.length === 0 ? verified({ findings }) : undecided(name, doubts);
    }),
  );
}

function undecided(about: string, missing: readonly string[]): Verified {
  return verified({ undecided: [{ code: "MC602", about, missing: missing.slice(0, MOST_NAMED) }] });
}

function writeFindings(name: string, role: RoleFact, iam: IamFacts): readonly Finding[] {
  return role.policies.flatMap(({ label, statements, placeOf }) =>
    statements.flatMap((statement) => {
      const writes = writesOf(statement, role, iam);
      if (writes.length === 0) return [];
      const by = `${label}, statement ${statement.index + 1}`;
      const message = `"${name}" is ro, and its IAM role may ${listSome(writes, MOST_NAMED)}, which may write: ${by}`;
      return [findingAt("MC602", placeOf(statement), message, HINT)];
    }),
  );
}
