import type { Backend, Registry } from "../registry.ts";
import type { Grant, Role, Roles } from "../role-file.ts";
import type { Finding, Place, SourceText } from "../source.ts";
import { ruleOf } from "./catalogue.ts";
import type { RuleSettings } from "./settings.ts";

/** A key that opens something now, as the rules about keys see it. Times in milliseconds since 1970; null for never or unknown. */
export interface LiveKey {
  readonly id: string;
  readonly role: string;
  readonly user: string;
  readonly endsAt: number | null;
  readonly madeAt: number | null;
}

/** What the store holds. */
export interface StoredKeys {
  readonly live: readonly LiveKey[];
  /** Bytes of the keys.json that External Secrets makes of it. */
  readonly bytes: number;
}

/** One role file under check, its grants beside the backends that they open. */
export interface CheckedRoles {
  readonly source: SourceText;
  readonly roles: Roles;
  readonly embedded: readonly SourceText[];
}

/** Everything that rules may look at. */
export interface Subject {
  readonly files: readonly CheckedRoles[];
  readonly registry: Registry;
  readonly registrySource: SourceText;
  readonly settings: RuleSettings;
  readonly keys: StoredKeys | null;
  /** The roles before the change; null where no base was named. */
  readonly base: Roles | null;
  readonly now: number;
}

/** One grant and what it opens; grants to backends that the registry lacks open nothing and are not among them. */
export interface OpenGrant {
  readonly grant: Grant;
  readonly backend: Backend;
}

export function openGrants(role: Role, registry: Registry): readonly OpenGrant[] {
  const open: OpenGrant[] = [];
  for (const grant of role.grants.values()) {
    const backend = registry.get(grant.backend);
    if (backend !== undefined) open.push({ grant, backend });
  }
  return open;
}

/** May this grant change anything? One that allows no tool at all may not. */
export function isWrite({ grant, backend }: OpenGrant): boolean {
  return backend.access === "rw" && grant.tools?.allow?.length !== 0;
}

/** Where a finding stands: the place of a name, and the text it is in. */
export interface Spot {
  readonly source: SourceText;
  readonly place: Place;
  readonly name: string;
}

/** A finding of this rule, of the severity of the catalogue, with the name at its place marked. */
export function tell(code: string, { source, place, name }: Spot, message: string, hint: string | null): Finding {
  return {
    code,
    severity: ruleOf(code).severity,
    message,
    place,
    length: Math.max(name.length, 1),
    excerpt: source.line(place.line),
    hint,
    isUnreadable: false,
  };
}

/** A finding about the file as a whole, e.g. about what it lacks. */
export function tellOfFile(code: string, source: SourceText, message: string, hint: string | null): Finding {
  return { ...source.finding(code, 0, message, { hint, excerpt: null }), severity: ruleOf(code).severity };
}

export function roleSpot({ source }: CheckedRoles, role: Role): Spot {
  return { source, place: role.place, name: role.name };
}

export function grantSpot({ source }: CheckedRoles, grant: Grant): Spot {
  return { source, place: grant.place, name: grant.backend };
}

export function backendSpot({ registrySource }: Subject, backend: Backend): Spot {
  return { source: registrySource, place: backend.place, name: backend.name };
}
