import { createHmac, hash, timingSafeEqual } from "node:crypto";

/** What session ids are authenticated with: ids are made with `current`, and `previous` still opens those made before. */
export interface SessionSecrets {
  readonly current: string;
  readonly previous: string | null;
}

/** Whose session it is: the key it was opened with, and the backend that opened it. */
export interface SessionOwner {
  readonly keyHash: string;
  readonly backend: string;
}

/** Of the wrapper, so that it can change one day. */
const VERSION = "s1";
/** Longer ids than any server makes leave no room for the other headers. */
const MAX_ID_LENGTH = 2048;
/** "It MUST only contain visible ASCII characters" (MCP 2025-11-25, Transports, Session Management). */
const ID = /^[\x21-\x7e]+$/;

/** 32 bytes in base64url. */
const MAC = /^[\w-]{43}$/;

/** May this be the session id of a backend? */
export function isSessionId(id: string): boolean {
  return id.length <= MAX_ID_LENGTH && ID.test(id);
}

/**
 * The backend's session id as its client gets it: `s1.<HMAC-SHA-256>.<id>`. Any replica with the same secret can tell
 * whom it was made for, and needs no memory of it.
 */
export function wrapSessionId(id: string, owner: SessionOwner, secrets: SessionSecrets): string {
  return `${VERSION}.${macOf(id, owner, secrets.current)}.${id}`;
}

/** The backend's own id within a client's; null when it was not made by this gateway for this key and backend. */
export function unwrapSessionId(wrapped: string, owner: SessionOwner, secrets: SessionSecrets): string | null {
  const [version, mac = ""] = wrapped.split(".", 2);
  if (version !== VERSION || !MAC.test(mac)) return null;
  const id = wrapped.slice(version.length + mac.length + 2);
  if (!isSessionId(id)) return null;
  const isOurs =
    isEqual(mac, macOf(id, owner, secrets.current)) ||
    (secrets.previous !== null && isEqual(mac, macOf(id, owner, secrets.previous)));
  return isOurs ? id : null;
}

/** Under which one name the records of a session are found; the id itself would open it to whoever reaches the backend. */
export function sessionDigest(id: string, backend: string): string {
  return `s_${hash("sha256", `${backend}\n${id}`).slice(0, 12)}`;
}

/** Neither a hash nor a backend's name holds a line end, so no two owners and ids make the same text. */
function macOf(id: string, { keyHash, backend }: SessionOwner, secret: string): string {
  return createHmac("sha256", secret).update(`mcpctl session\n${keyHash}\n${backend}\n${id}`).digest("base64url");
}

function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
