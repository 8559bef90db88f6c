import { plural } from "../../plural.ts";
import type { CheckReport, Skipped } from "../check-report.ts";
import { hiddenText } from "../hidden-text.ts";
import type { RegistryReading } from "../registry.ts";
import type { Roles, RolesReading } from "../role-file.ts";
import type { Finding, SourceText } from "../source.ts";
import { applySuppressions, readSuppressions } from "../suppressions.ts";
import { CHECK_RULES } from "./catalogue.ts";
import { isFixed, onlyOnce, placeOrder, withLevel } from "./tell-findings.ts";
import { runRules } from "./run-rules.ts";
import type { RuleSettings } from "./settings.ts";
import type { StoredKeys, Subject } from "./subject.ts";

export interface CheckRequest {
  /** At least one role file. */
  readonly roles: readonly RolesReading[];
  readonly registry: RegistryReading;
  readonly settings: RuleSettings;
  /** Null where no store was named. */
  readonly keys: StoredKeys | null;
  /** The roles before the change; null where no base was named. */
  readonly base: Roles | null;
  /** Whether comments may silence findings. */
  readonly heedsSuppressions: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * What is wrong with these role files, beside the registry? Everything, role file by role file and the registry last. Where a
 * file cannot be read, what would have to be told of all of them together is not.
 */
export function checkPolicy(request: CheckRequest): CheckReport {
  const { roles, registry, settings, now } = request;
  const subject: Subject = {
    ...request,
    files: roles.filter(({ findings }) => !findings.some(isUnreadable)),
    registry: registry.registry,
    registrySource: registry.source,
  };
  const isWhole = subject.files.length === roles.length;
  const isRegistryReadable = !registry.findings.some(isUnreadable);
  const found = isRegistryReadable ? runRules(subject, isWhole) : { findings: [], unfinished: [] };
  const skipped = [...skippedRules(request), ...found.unfinished];
  const byPlace = placeOrder([...roles, registry].map(({ source }) => source.file));
  const isSkipped = new Set(skipped.map(({ code }) => code));
  const wasRun = (code: string): boolean => isWhole && isRegistryReadable && !isSkipped.has(code);
  const raw = [...roles, registry].flatMap((reading) => [...reading.findings, ...hidden(reading)]);
  const all = [...raw, ...found.findings, ...subject.files.flatMap(roleless)];
  const { findings, suppressed } = request.heedsSuppressions
    ? applySuppressions(all, readSuppressions(textsOf(subject, isRegistryReadable)), now, wasRun)
    : { findings: all, suppressed: [] };
  const told = findings.filter((finding) => isFixed(finding) || !isSkipped.has(finding.code));
  return {
    title: "roles check",
    files: [
      ...roles.map(rolesContents),
      { label: registry.source.file, contents: plural(registry.registry.size, "backend") },
    ],
    findings: onlyOnce(told.map((finding) => withLevel(finding, settings.levels)).toSorted(byPlace)),
    suppressed: suppressed
      .filter(({ finding }) => !isSkipped.has(finding.code))
      .toSorted((a, b) => byPlace(a.finding, b.finding)),
    skipped,
  };
}

function isUnreadable(finding: Finding): boolean {
  return finding.isUnreadable;
}

function hidden({ source, findings }: RolesReading | RegistryReading): readonly Finding[] {
  return findings.some(isUnreadable) ? [] : hiddenText(source);
}

function roleless({ roles, source }: Subject["files"][number]): readonly Finding[] {
  if (roles.size > 0) return [];
  return [
    source.finding("MC006", 0, "the file holds no role, so nothing was checked", {
      isUnreadable: true,
      hint: "Add a role, or name another file.",
    }),
  ];
}

function skippedRules({ settings, keys, base }: CheckRequest): readonly Skipped[] {
  return CHECK_RULES.flatMap(({ code, needs }): readonly Skipped[] => {
    if (settings.levels.get(code) === "skip") return [{ code, why: "off" }];
    if (needs.includes("keys") && keys === null) return [{ code, why: "no keys read (--keys)" }];
    if (needs.includes("base") && base === null) return [{ code, why: "no base named (--base)" }];
    const isConfigured = code === "MC201" ? settings.nameForms !== null : settings.requiresOwner;
    return needs.includes("option") && !isConfigured ? [{ code, why: "not configured" }] : [];
  });
}

function textsOf({ files, registrySource }: Subject, isRegistryReadable: boolean): readonly SourceText[] {
  return [
    ...files.flatMap(({ source, embedded }) => [source, ...embedded]),
    ...(isRegistryReadable ? [registrySource] : []),
  ];
}

function rolesContents({ source, roles }: RolesReading): CheckReport["files"][number] {
  const grants = [...roles.values()].reduce((sum, role) => sum + role.grants.size, 0);
  return { label: source.file, contents: `${plural(roles.size, "role")}, ${plural(grants, "grant")}` };
}
