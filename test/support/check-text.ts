import { readFileSync } from "node:fs";
import type { CheckReport } from "../../src/lib/policy/check-report.ts";
import { readRegistry, type RegistryReading } from "../../src/lib/policy/registry.ts";
import { readRoles } from "../../src/lib/policy/role-file.ts";
import { checkPolicy, type CheckRequest } from "../../src/lib/policy/rules/check-policy.ts";
import { DEFAULT_SETTINGS, type RuleSettings } from "../../src/lib/policy/rules/settings.ts";

export interface CheckedText {
  /** Role files; the first is called roles.yaml, the second roles-2.yaml. */
  readonly roles: readonly string[];
  /** The registry; the examples' when it is not given. */
  readonly backends?: string;
  readonly settings?: Partial<RuleSettings>;
  readonly keys?: CheckRequest["keys"];
  /** The role file before the change. */
  readonly base?: string;
  readonly heedsSuppressions?: boolean;
  readonly now?: number;
}

let example: RegistryReading | undefined;

/** Read once: some tests check thousands of files. */
function exampleRegistry(): RegistryReading {
  return (example ??= readRegistry("backends.yaml", readFileSync("examples/backends.yaml")));
}

/** The request to check these texts, at noon of 2026-11-20 unless told otherwise. */
export function requestOf(text: CheckedText): CheckRequest {
  return {
    roles: text.roles.map((each, index) =>
      readRoles(index === 0 ? "roles.yaml" : `roles-${index + 1}.yaml`, Buffer.from(each)),
    ),
    registry:
      text.backends === undefined ? exampleRegistry() : readRegistry("backends.yaml", Buffer.from(text.backends)),
    settings: { ...DEFAULT_SETTINGS, ...text.settings },
    keys: text.keys ?? null,
    base: text.base === undefined ? null : readRoles("base.yaml", Buffer.from(text.base)).roles,
    heedsSuppressions: text.heedsSuppressions ?? true,
    now: text.now ?? Date.parse("2026-11-20T12:00:00Z"),
  };
}

export function checkText(text: CheckedText): CheckReport {
  return checkPolicy(requestOf(text));
}
