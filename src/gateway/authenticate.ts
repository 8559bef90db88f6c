import { readToken } from "../lib/keys/key.ts";
import { acceptKey } from "../lib/keys/keyring.ts";
import type { Subject } from "../lib/keys/subject.ts";
import { decide, type AccessRequest, type Allow } from "../lib/policy/decide.ts";
import { Refusal, refusalOf } from "./refusal.ts";
import type { Clock } from "./state/clock.ts";
import { isKeySilent, usableKeyring, usableLocks, usablePolicy, type Snapshot } from "./state/gateway-state.ts";

/** A caller who has shown a key that is good now; `hash` is what to ask again with later. */
export interface Caller {
  readonly hash: string;
  readonly subject: Subject;
}

/** What is asked of which backend: the route, and what the body said. */
export interface Wish {
  readonly backend: string;
  readonly path: string | null;
  readonly method: string | null;
  readonly tool: string | null;
  readonly isModern: boolean;
}

const BEARER = /^bearer +([A-Za-z0-9+/]+={0,2})$/i;

/** The key hash in an Authorization header. @throws Refusal */
export function readAuthorization(authorization: string | null): string {
  if (authorization === null) throw new Refusal("key_missing");
  const token = BEARER.exec(authorization)?.[1];
  const reading = token === undefined ? null : readToken(token);
  if (reading?.ok !== true) throw new Refusal("key_malformed");
  return reading.hash;
}

/** Whom does this key stand for, now? @throws Refusal, which knows the key's id where there is one */
export function authenticate(hash: string, snapshot: Snapshot, clock: Clock): Caller {
  const keyring = usableKeyring(snapshot, clock);
  if (keyring === null) throw new Refusal("keys_unavailable");
  const acceptance = acceptKey(keyring, hash, clock.now());
  if (acceptance.accepted || acceptance.reason !== "key_revoked") {
    if (isKeySilent(snapshot, hash, clock)) throw new Refusal("keys_unavailable");
  }
  if (!acceptance.accepted) throw new Refusal(acceptance.reason);
  return { hash, subject: acceptance.subject };
}

/** May this caller have this, now? Asks for the key again as well, for a slow body must not outlive a revocation. @throws Refusal */
export function authorize(caller: Caller, wish: Wish, snapshot: Snapshot, clock: Clock): Allow {
  const { subject } = authenticate(caller.hash, snapshot, clock);
  const { keyId, role, user } = subject;
  const request: AccessRequest = { role, user, keyId, backend: wish.backend, method: wish.method, tool: wish.tool };
  const decision = decide(usablePolicy(snapshot, clock), usableLocks(snapshot, clock), request, clock.now());
  if (decision.outcome !== "allow") throw refusalOf(decision, wish);
  if (wish.path !== null && wish.path !== decision.backend.path) throw new Refusal("path_unknown");
  return decision;
}
