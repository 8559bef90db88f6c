import { AppError } from "../errors.ts";
import { keyId, readToken } from "../keys/key.ts";
import type { KubeApi } from "./kube-api.ts";
import { ifFound, isConflict } from "./kube-error.ts";
import { dataOf, type SecretObject } from "./objects.ts";
import { objectLabel, type ObjectRef } from "./object-ref.ts";

/** The data key that a pod mounts or reads. */
export const TOKEN_KEY = "token";
const KEY_ID = "mcpctl/key-id";
const MANAGED_BY = "app.kubernetes.io/managed-by";

/** A Secret in an agent's namespace that holds one token, checked before the key is made. */
export interface TokenSecret {
  readonly label: string;
  /** Puts the token there; the Secret must still be what it was. @throws AppError conflict, and as the API refuses */
  put(token: string): Promise<void>;
}

/**
 * The Secret that is to get a token: a new one or, where `replaces` is the hash of the key that it holds, that one.
 * @throws AppError conflict for a Secret that is not mcpctl's, or holds another key
 */
export async function openTokenSecret(api: KubeApi, ref: ObjectRef, replaces: string | null): Promise<TokenSecret> {
  const label = objectLabel(ref);
  const standing = await find(api, ref);
  if (standing === null) {
    if (replaces === null) await create(api, ref, null);
    else throw missing(label, keyId(replaces));
  } else requireOurs(standing, label, replaces);
  return {
    label,
    put: (token) => (standing === null ? create(api, ref, token) : replace(api, ref, standing, token)),
  };
}

/** Does this Secret hold the token of this key hash? @throws AppError when the API does not say */
export async function secretHoldsToken(api: KubeApi, ref: ObjectRef, hash: string): Promise<boolean> {
  const secret = await find(api, ref);
  return secret !== null && heldHash(secret) === hash;
}

/** The hash of the key whose token lies in it; null when none does. */
function heldHash(secret: SecretObject): string | null {
  const token = dataOf({ ...secret, kind: "Secret" }, TOKEN_KEY);
  const reading = token === null ? null : readToken(token.toString("latin1"));
  return reading?.ok === true ? reading.hash : null;
}

function find(api: KubeApi, ref: ObjectRef): Promise<SecretObject | null> {
  return ifFound(api.send<SecretObject>({ ...ref, verb: "get" }));
}

/** Without a token it is only tried: rights, quota and admission speak before a key is made. */
async function create(api: KubeApi, ref: ObjectRef, token: string | null): Promise<void> {
  const { name, namespace } = ref;
  const body = {
    apiVersion: "v1",
    kind: "Secret",
    type: "Opaque",
    metadata: {
      name,
      namespace,
      labels: { [MANAGED_BY]: "mcpctl" },
      annotations: token === null ? {} : { [KEY_ID]: idOf(token) },
    },
    data: token === null ? {} : { [TOKEN_KEY]: Buffer.from(token).toString("base64") },
  };
  try {
    await api.send({
      ...ref,
      verb: "create",
      name: null,
      body,
      ...(token === null ? { query: { dryRun: "All" } } : {}),
    });
  } catch (error) {
    if (!isConflict(error)) throw error;
    // An answer that was lost, and the request repeated: it is there already.
    if (token !== null && (await secretHoldsToken(api, ref, hashOf(token)))) return;
    throw error;
  }
}

async function replace(api: KubeApi, ref: ObjectRef, { metadata }: SecretObject, token: string): Promise<void> {
  const body = {
    metadata: {
      uid: metadata?.uid,
      resourceVersion: metadata?.resourceVersion,
      annotations: { [KEY_ID]: idOf(token) },
    },
    data: { [TOKEN_KEY]: Buffer.from(token).toString("base64") },
  };
  try {
    await api.send({ ...ref, verb: "patch", body });
  } catch (error) {
    if (isConflict(error) && (await secretHoldsToken(api, ref, hashOf(token)))) return;
    throw error;
  }
}

function requireOurs(secret: SecretObject, label: string, replaces: string | null): void {
  const { metadata, immutable } = secret;
  const held = metadata?.annotations?.[KEY_ID];
  if (metadata?.labels?.[MANAGED_BY] !== "mcpctl" || held === undefined)
    throw new AppError("conflict", "secret_not_ours", `${label} is there and was not made by mcpctl`, {
      hint: "Name another, or remove it yourself.",
    });
  if (immutable === true)
    throw new AppError("conflict", "secret_immutable", `${label} is immutable`, { hint: "Remove it yourself." });
  // By the token itself: a key id can be written by hand, and a record with any hash made that shares it.
  if (replaces !== null && held === keyId(replaces) && heldHash(secret) === replaces) return;
  throw new AppError("conflict", "secret_holds_key", `${label} holds the token of ${held}`, {
    hint: `Rotate that key with \`mcpctl keys rotate ${held}\`, or name another Secret.`,
  });
}

function missing(label: string, replaces: string): AppError {
  return new AppError(
    "not-found",
    "secret_missing",
    `${label}, which is to hold the successor of ${replaces}, does not exist`,
    {
      hint: "Somebody removed it. Name a place for the new token with --out FILE.",
    },
  );
}

function hashOf(token: string): string {
  const reading = readToken(token);
  if (!reading.ok) throw new Error("what is put into a Secret is no token");
  return reading.hash;
}

function idOf(token: string): string {
  return keyId(hashOf(token));
}
