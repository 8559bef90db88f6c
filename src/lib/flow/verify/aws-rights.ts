import { listSome } from "../../list-some.ts";
import { findingAt, skipped, together, verified, type Verified, type VerifySubject } from "./subject.ts";

/** How AWS names what changes nothing; of other names that is not known (IAM, "Access levels in policy summaries"). */
const READ =
  /^(?:Get|List|Describe|BatchGet|Search|Lookup|Query|Select|Scan|Filter|Head|View|Test|Check|Preview|Simulate)/i;
const MOST_NAMED = 5;

/** Is each `ro` backend really read-only in layer 3? */
export function awsRights({ iam, registry }: VerifySubject): Verified {
  if (iam === null) return skipped(["MC602"], "no policies read (policy.iam, --live)");
  return together(
    [...registry.values()].map(({ access, iamRole, name }) => {
      if (access !== "ro" || iamRole === undefined) return verified({});
      const { statements, doubts } = iam.rightsOf(iamRole);
      const findings = statements.flatMap(({ text, actions, place }) => {
        const writes = actions?.filter((action) => !isRead(action)) ?? ["everything but some actions"];
        if (writes.length === 0) return [];
        const message = `"${name}" is ro, and its IAM role may ${listSome(writes, MOST_NAMED)}, which may write: ${text}`;
        return [findingAt("MC602", place, message, "Narrow the statement to what the tools need, or say access: rw.")];
      });
      const isOpen = findings.length === 0 && doubts.length > 0;
      const missing = doubts.slice(0, MOST_NAMED);
      return verified({ findings, undecided: isOpen ? [{ code: "MC602", about: name, missing }] : [] });
    }),
  );
}

function isRead(action: string): boolean {
  const [, name = ""] = action.split(":");
  return READ.test(name);
}
