import type { Caller } from "./authenticate.ts";
import type { Ports } from "./call.ts";
import type { Trail } from "./auditor.ts";
import { sessionDigest, unwrapSessionId, wrapSessionId, type SessionSecrets } from "./mcp/session-id.ts";
import { Refusal } from "./refusal.ts";
import { usableSessionSecrets } from "./state/gateway-state.ts";

/** The backend's own id of the caller's session, null when there is none. @throws Refusal session_foreign */
export function openSession(wrapped: string | null, trail: Trail, { hash }: Caller, ports: Ports): string | null {
  if (wrapped === null) return null;
  const backend = trail.backend ?? "";
  const id = unwrapSessionId(wrapped, { keyHash: hash, backend }, sessionSecrets(ports));
  if (id === null) throw new Refusal("session_foreign");
  trail.session = sessionDigest(id, backend);
  return id;
}

/** The id under which this caller gets a session that the backend opened. @throws Refusal sessions_unavailable */
export function giveSession(id: string, trail: Trail, { hash }: Caller, ports: Ports): string {
  const backend = trail.backend ?? "";
  trail.session = sessionDigest(id, backend);
  return wrapSessionId(id, { keyHash: hash, backend }, sessionSecrets(ports));
}

function sessionSecrets({ state, clock }: Ports): SessionSecrets {
  const secrets = usableSessionSecrets(state.current, clock);
  if (secrets === null) throw new Refusal("sessions_unavailable");
  return secrets;
}
