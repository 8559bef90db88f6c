import { nearest } from "../../suggest.ts";
import type { Policy } from "../decide.ts";
import type { Finding, SourceText } from "../source.ts";
import { entryOf, type Tree } from "../yaml-source.ts";

/** The files that names in tests must stand in, as people know them. */
export interface PolicyLabels {
  readonly roles: string;
  readonly backends: string;
}

/** More help nobody, and each nearest name costs a look at all of them. */
const MOST = 50;

/** Holds the names of one test file against the policy, and keeps what is wrong with the file. */
export class KnownNames {
  readonly roles: ReadonlySet<string>;
  readonly backends: ReadonlySet<string>;
  readonly findings: Finding[] = [];
  readonly #source: SourceText;
  readonly #labels: PolicyLabels;

  constructor(source: SourceText, { roles, registry }: Policy, labels: PolicyLabels) {
    this.#source = source;
    this.#labels = labels;
    this.roles = new Set(roles.keys());
    this.backends = new Set(registry.keys());
  }

  requireRole(name: Tree | undefined): void {
    this.#require("role", name, this.roles, this.#labels.roles);
  }

  requireBackend(name: Tree | undefined): void {
    this.#require("backend", name, this.backends, this.#labels.backends);
  }

  refuse(at: number, message: string, hint: string | null, length = 1): void {
    if (this.findings.length >= MOST) return;
    this.findings.push(this.#source.finding("MC002", at, message, { isUnreadable: true, hint, length }));
  }

  #require(kind: string, tree: Tree | undefined, known: ReadonlySet<string>, label: string): void {
    const name = textOf(tree);
    if (tree === undefined || known.has(name) || this.findings.length >= MOST) return;
    const near = nearest(name, known);
    const hint =
      near === null
        ? `Correct it; a case about what is not there says \`reason: ${kind}_unknown\`.`
        : `Did you mean ${near}?`;
    this.refuse(tree.at, `there is no ${kind} "${name}" in ${label}`, hint, name.length);
  }
}

/** The text of a field, or null where it is absent. */
export function textAt(tree: Tree, field: string): string | null {
  const entry = entryOf(tree, field);
  return entry === undefined ? null : textOf(entry.value);
}

export function textOf(tree: Tree | undefined): string {
  return tree?.kind === "scalar" ? String(tree.value) : "";
}
