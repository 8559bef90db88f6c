import type { Policy } from "../decide.ts";
import type { Grant, Role } from "../role-file.ts";
import { matchesGlob } from "../tools.ts";
import type { Expectation } from "./policy-test.ts";

/** A grant that no test speaks about, or one pattern of it. */
export interface Gap {
  readonly role: string;
  readonly grant: Grant;
  /** Null for the grant as a whole. */
  readonly pattern: { readonly list: "allow" | "deny"; readonly text: string } | null;
}

/** How much of what is granted do tests speak about? Each grant counts once, and each pattern that narrows one. */
export interface CoverageReport {
  readonly total: number;
  readonly covered: number;
  /** In the order of the role file. */
  readonly gaps: readonly Gap[];
}

/** Follows which grants are spoken about; a grant to a backend that the registry lacks grants nothing, and does not count. */
export class Coverage {
  readonly #policy: Policy;
  /** The patterns met of each grant that was. */
  readonly #met = new Map<Grant, Set<string>>();

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  note({ role, backend, tool }: Expectation): void {
    const grant = this.#policy.roles.get(role)?.grants.get(backend);
    if (grant === undefined) return;
    const met = this.#met.get(grant) ?? new Set();
    this.#met.set(grant, met);
    if (tool === null || grant.tools === null) return;
    for (const pattern of [...(grant.tools.allow ?? []), ...grant.tools.deny]) {
      if (matchesGlob(pattern, tool)) met.add(pattern);
    }
  }

  report(): CoverageReport {
    const gaps: Gap[] = [];
    let total = 0;
    for (const role of this.#policy.roles.values()) {
      for (const grant of role.grants.values()) {
        if (!this.#policy.registry.has(grant.backend)) continue;
        const parts = partsOf(role, grant);
        const met = this.#met.get(grant);
        total += parts.length;
        gaps.push(
          ...parts.filter(({ pattern }) => (pattern === null ? met === undefined : met?.has(pattern.text) !== true)),
        );
      }
    }
    return { total, covered: total - gaps.length, gaps };
  }
}

function partsOf(role: Role, grant: Grant): readonly Gap[] {
  const gap = (list: "allow" | "deny") => (text: string) => ({ role: role.name, grant, pattern: { list, text } });
  return [
    { role: role.name, grant, pattern: null },
    ...(grant.tools?.allow ?? []).map(gap("allow")),
    ...(grant.tools?.deny ?? []).map(gap("deny")),
  ];
}
