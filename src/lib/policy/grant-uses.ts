import type { RecordedCall } from "../audit/recorded-call.ts";
import type { Grant, Roles } from "./role-file.ts";

/** A line of a role, and whose it is. */
export interface RoleGrant {
  readonly role: string;
  readonly grant: Grant;
}

/**
 * Which grants did no record use? Every record that names role and backend counts as a use, whatever was decided and
 * whatever of it is not known: what a lock or a limit refused was wanted all the same.
 */
export class GrantUses {
  readonly #roles: Roles;
  readonly #used = new Set<Grant>();
  /** Roles with a record that names no backend: it may have been any. */
  readonly #blurred = new Set<string>();

  constructor(roles: Roles) {
    this.#roles = roles;
  }

  add({ role, backend }: RecordedCall): void {
    // Without a good key nobody came as far as a grant.
    if (role === null) return;
    const known = this.#roles.get(role);
    if (known === undefined) return;
    if (backend === null) this.#blurred.add(role);
    const grant = backend === null ? undefined : known.grants.get(backend);
    if (grant !== undefined) this.#used.add(grant);
  }

  /** In the order of the file. */
  unused(): readonly RoleGrant[] {
    return [...this.#roles.values()]
      .filter(({ name }) => !this.#blurred.has(name))
      .flatMap(({ name, grants }) => [...grants.values()].map((grant) => ({ role: name, grant })))
      .filter(({ grant }) => !this.#used.has(grant));
  }
}
