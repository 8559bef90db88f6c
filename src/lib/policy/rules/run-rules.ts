import type { Skipped } from "../check-report.ts";
import type { Finding } from "../source.ts";
import { toxicCombination } from "./combinations.ts";
import * as grants from "./grants.ts";
import { equalRoles, ownerless, roleGrowth, ungrantedBackends } from "./hygiene.ts";
import { neverExpires, orphanKeys, staleKeys, storeCapacity, unusedRoles } from "./keys.ts";
import { confusableNames, nameContradictsRegistry, nameConvention } from "./names.ts";
import { selfAdministration } from "./self-administration.ts";
import { openGrants, type CheckedRoles, type Subject } from "./subject.ts";
import { supersetRoles } from "./superset.ts";

/** Rules about one role at a time. */
const ROLE_RULES: readonly grants.RoleRule[] = [
  grants.unknownBackend,
  grants.emptyRole,
  grants.readOnlyRoleWrites,
  grants.productionWrite,
  grants.writesToTwoEnvironments,
  grants.readsFromTwoEnvironments,
  grants.wildcardTools,
  grants.readAndWriteOfOneTarget,
  toxicCombination,
  selfAdministration,
];

/** What all files say together; only to be asked when every one could be read. */
function judgeWhole(subject: Subject): readonly Finding[] {
  const [first] = subject.files;
  return [
    ...nameContradictsRegistry(subject),
    ...(subject.settings.nameForms === null ? [] : nameConvention(subject)),
    ...confusableNames(subject),
    ...ungrantedBackends(subject),
    ...(subject.keys === null || first === undefined ? [] : judgeKeys(subject, first)),
  ];
}

function judgeKeys(subject: Subject, { source }: CheckedRoles): readonly Finding[] {
  return [
    ...unusedRoles(subject),
    ...orphanKeys(subject, source),
    ...neverExpires(subject),
    ...staleKeys(subject),
    ...storeCapacity(subject, source),
  ];
}

/** Every finding of every rule that has what it needs, in no particular order, and the rules that gave up. */
export function runRules(
  subject: Subject,
  isWhole: boolean,
): { readonly findings: readonly Finding[]; readonly unfinished: readonly Skipped[] } {
  const findings: Finding[] = [];
  const unfinished: Skipped[] = [];
  for (const file of subject.files) {
    for (const role of file.roles.values()) {
      const about = { file, role, open: openGrants(role, subject.registry) };
      for (const rule of ROLE_RULES) findings.push(...rule(subject, about));
    }
    findings.push(...equalRoles(subject, file), ...roleGrowth(subject, file));
    if (subject.settings.requiresOwner) findings.push(...ownerless(subject, file));
    const supersets = supersetRoles(subject, file);
    if (supersets === null) unfinished.push({ code: "MC402", why: "too many roles to compare" });
    else findings.push(...supersets);
  }
  if (isWhole) findings.push(...judgeWhole(subject));
  return { findings, unfinished };
}
