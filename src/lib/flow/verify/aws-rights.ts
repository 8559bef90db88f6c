import { listSome } from "../../list-some.ts";
import type { Statement } from "../iam/policy.ts";
import { findingAt, skipped, together, verified, type Verified, type VerifySubject } from "./subject.ts";

/** How AWS names what changes nothing; of other names that is not known (IAM, "Access levels in policy summaries"). */
const READ = /^(?:Get|List|Describe|BatchGet|Search|Lookup|Query|Select|Scan|Filter|Head|View|Simulate)/i;
/** Actions of such names that hand out credentials, or a place to write to. */
const HANDS_OUT =
  /^Get\w*(?:Credentials|FederationToken|AccessToken\w*|DataAccess|InstanceAccessDetails|UploadUrls?|PresignedURL)$/i;
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
      const findings = role.policies.flatMap(({ label, statements, placeOf }) =>
        statements.flatMap((statement) => {
          const writes = writesOf(statement);
          if (writes.length === 0) return [];
          const by = `${label}, statement ${statement.index + 1}`;
          const message = `"${name}" is ro, and its IAM role may ${listSome(writes, MOST_NAMED)}, which may write: ${by}`;
          return [findingAt("MC602", placeOf(statement), message, HINT)];
        }),
      );
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

/** As far as the statement's own words say; conditions, boundaries and denials may take some of it back. */
function writesOf({ effect, actions }: Statement): readonly string[] {
  if (effect === "Deny") return [];
  if (actions.isNegated) return ["everything but some actions"];
  return actions.names.map(({ shown }) => shown).filter((action) => !isRead(action));
}

function isRead(action: string): boolean {
  const [, name = ""] = action.split(":");
  return READ.test(name) && !HANDS_OUT.test(name);
}
