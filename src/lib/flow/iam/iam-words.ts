import { listSome } from "../../list-some.ts";
import type { Place } from "../../policy/source.ts";
import { showAwsRequest } from "../tool-need.ts";
import type { AwsRequest } from "../requests.ts";
import { shortName } from "./policy-fact.ts";
import type { Hit } from "./weigh.ts";

const MAX_SHOWN = 3;

/** `policy mcp-aws-ro-inline, statement 2 (ReadEc2)`. */
export function statementText({ policy, statement }: Pick<Hit, "policy" | "statement">): string {
  const sid = statement.sid === null || statement.sid === "" ? "" : ` (${shortName(statement.sid)})`;
  return `${policy.label}, statement ${statement.index + 1}${sid}`;
}

/** `policy mcp-aws-ro-inline, statement 2 (ReadEc2) allows ec2:Describe*`. */
export function hitText(hit: Hit): string {
  const verb = hit.statement.effect === "Allow" ? "allows" : "denies";
  return `${statementText(hit)} ${verb} ${hit.action === null ? allBut(hit) : shortName(hit.action)}`;
}

function allBut({ statement }: Hit): string {
  const names = statement.actions.names.map(({ shown }) => shortName(shown));
  return `all but ${listSome(names, MAX_SHOWN)}`;
}

/** The same of a statement that may apply, and what it depends on. */
export function maybeText(hit: Hit, request: AwsRequest): string {
  const depends = [...hit.keys.map(shortName), ...hit.doubts];
  return `whether ${hitText(hit)} for ${showAwsRequest(request)} depends on ${listSome(depends, MAX_SHOWN)}`;
}

/** What would decide about a statement that may apply. */
export function missingOf({ keys, doubts }: Hit): readonly string[] {
  return [...keys.map((key) => `the value of ${shortName(key)} in the request`), ...doubts];
}

export function placeOf({ policy, statement }: Hit): Place {
  return policy.placeOf(statement);
}
