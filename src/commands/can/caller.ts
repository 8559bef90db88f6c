import type { Deny } from "../../lib/policy/decide.ts";
import type { Ports } from "../ports.ts";

export type KeyPorts = Pick<Ports, "now" | "progress" | "store" | "tell">;

/** Who is asked about: a role and no one in particular, or the subject of one key. */
export interface Caller {
  readonly role: string;
  readonly user: string | null;
  readonly keyId: string | null;
  /** Why a gateway would refuse the key whatever it calls; null for one that it accepts, and for a role alone. */
  readonly refusal: Deny | null;
  readonly notes: readonly string[];
}

export function roleAlone(role: string): Caller {
  return { role, user: null, keyId: null, refusal: null, notes: [] };
}

/** What reads keys loads for those alone who name one. See `callerOfKey` of caller-of-key.ts. */
export async function callerOfKey(id: string, ports: KeyPorts): Promise<Caller> {
  return (await import("./caller-of-key.ts")).callerOfKey(id, ports);
}
