import type { Caller } from "./authenticate.ts";
import type { Call, Ports } from "./call.ts";
import { sessionDigest, unwrapSessionId, wrapSessionId, type SessionSecrets } from "./mcp/session-id.ts";
import { Refusal } from "./refusal.ts";
import { usableSessionSecrets } from "./state/gateway-state.ts";

/** Who opens or is given a session, and where its name in the record is noted. */
interface Holder {
  readonly caller: Caller;
  readonly call: Call;
}

/** The backend's own id of the caller's session, null when there is none. @throws Refusal session_foreign */
export function openSession(
  wrapped: string | null,
  backend: string,
  { caller, call }: Holder,
  ports: Ports,
): string | null {
  if (wrapped === null) return null;
  const id = unwrapSessionId(wrapped, { keyHash: caller.hash, backend }, sessionSecrets(ports));
  if (id === null) throw new Refusal("session_foreign");
  call.trail.session = sessionDigest(id, backend);
  return id;
}

/** The id under which this caller gets a session that the backend opened. @throws Refusal sessions_unavailable */
export function giveSession(id: string, backend: string, { caller, call }: Holder, ports: Ports): string {
  call.trail.session = sessionDigest(id, backend);
  return wrapSessionId(id, { keyHash: caller.hash, backend }, sessionSecrets(ports));
}

function sessionSecrets({ state, clock }: Ports): SessionSecrets {
  const secrets = usableSessionSecrets(state.current, clock);
  if (secrets === null) throw new Refusal("sessions_unavailable");
  return secrets;
}
