import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Parameter } from "@aws-sdk/client-ssm";
import { buildKeyring } from "../../src/lib/keys/followed-keyring.ts";
import { hashKey, keyId } from "../../src/lib/keys/key.ts";
import { acceptKey, type KeyEntry, type Keyring } from "../../src/lib/keys/keyring.ts";
import { parseEntryName } from "../../src/lib/keys/record.ts";
import { parseTombstones } from "../../src/lib/keys/tombstone.ts";
import type { Seen } from "./chaos.ts";
import { filesBelow } from "./files-below.ts";

const DAY_MS = 86_400_000;

/** A token that somebody received. */
interface Issued {
  readonly hash: string;
  readonly role: string;
  readonly user: string;
  /** The key id that it succeeds. */
  readonly replaces: string | null;
  /** Whether whoever received it was told that it is good. */
  readonly isAcknowledged: boolean;
}

/** What came of a storm. */
export interface Aftermath {
  readonly path: string;
  readonly parameters: readonly Parameter[];
  /** Those beside the path, in which prune keeps what it removed. */
  readonly pruned: readonly Parameter[];
  readonly events: readonly Seen[];
  /** Where processes put files of tokens. */
  readonly folders: readonly string[];
  /** The hashes that imports were about. */
  readonly imported: ReadonlySet<string>;
}

interface Model {
  readonly keyring: Keyring;
  readonly keys: readonly KeyEntry[];
  readonly pruned: ReadonlySet<string>;
  readonly holders: ReadonlyMap<string, Issued>;
  readonly imported: ReadonlySet<string>;
  readonly events: readonly Seen[];
}

/** Everything in which the store differs from what people were told; empty when all is well. */
export async function findings(aftermath: Aftermath): Promise<readonly string[]> {
  const { path, parameters, events, folders, imported } = aftermath;
  const entries = parameters.map(({ Name = "", Value = "", Version = null }) => ({
    label: Name,
    name: parseEntryName(Name.slice(path.length + 1), "/"),
    value: Value,
    version: Version,
    changedAt: null,
  }));
  const keyring = buildKeyring(entries);
  const holders = new Map<string, Issued>();
  for (const key of [...events.flatMap(issuedBy), ...(await issuedInto(folders))])
    if (holders.get(key.hash)?.isAcknowledged !== true) holders.set(key.hash, key);
  const buried = aftermath.pruned.flatMap(({ Name = "", Value = "" }) => parseTombstones(Value, Name));
  const pruned = new Set(buried.map(({ hash }) => hash));
  const model = { keyring, keys: [...keyring.keys.values()], pruned, holders, imported, events };
  return [
    ...entries.filter(({ version }) => version !== 1).map(({ label }) => `${label} was overwritten`),
    ...keyring.foreign.map(({ label }) => `${label} is no entry`),
    ...lostKeys(model),
    ...nobodysKeys(model),
    ...revivedKeys(model),
    ...wrongSuccessions(model),
  ];
}

/** No acknowledged key is lost, stands for somebody else, or is refused without anybody's having revoked it. */
function lostKeys({ keyring, pruned, holders, events }: Model): readonly string[] {
  return [...holders.values()].flatMap((issued) => {
    if (!issued.isAcknowledged) return [];
    const id = keyId(issued.hash);
    const entry = keyring.keys.get(issued.hash);
    const isEnded = entry !== undefined && (entry.isRevoked || entry.isSuperseded);
    if (entry?.isRevoked === true && !isRevokedBy(events, issued)) return [`${id} is revoked, and nobody asked for it`];
    if (entry === undefined || entry.roles.length === 0)
      return isEnded && pruned.has(issued.hash) ? [] : [`${id} was acknowledged and is lost`];
    const [claim] = entry.claims;
    if (claim?.role !== issued.role || claim.user !== issued.user) return [`${id} stands for somebody else`];
    const acceptance = acceptKey(keyring, issued.hash, Date.now());
    return acceptance.accepted || entry.isRevoked
      ? []
      : [`${id} was acknowledged and is refused: ${acceptance.reason}`];
  });
}

function isRevokedBy(events: readonly Seen[], { hash, role, user }: Issued): boolean {
  return events.some(
    ({ argv, about }) =>
      argv[1] === "revoke" && (about === null ? argv.includes(role) && argv.includes(user) : about === keyId(hash)),
  );
}

/** Every key that lives was received by somebody, or was imported. */
function nobodysKeys({ keys, holders, imported }: Model): readonly string[] {
  return keys.flatMap((key) => {
    if (key.roles.length > 1) return [`${key.keyId} stands in several folders`];
    const isHeld = holders.has(key.hash) || imported.has(key.hash);
    return key.roles.length === 0 || key.isRevoked || isHeld ? [] : [`${key.keyId} lives, and nobody ever received it`];
  });
}

/** What was told to be revoked is so for ever. */
function revivedKeys({ keys, events }: Model): readonly string[] {
  const told = events.flatMap(({ argv, out }) => {
    if (argv[1] !== "revoke" || out === "") return [];
    const rows = JSON.parse(out) as { id: string; result: string }[];
    return rows.filter(({ result }) => result === "revoked" || result === "already_revoked").map(({ id }) => id);
  });
  const revoked = new Set(keys.filter(({ isRevoked }) => isRevoked).map((key) => key.keyId));
  return [...new Set(told)].filter((id) => !revoked.has(id)).map((id) => `${id} was revoked and lives`);
}

/** Who rotated a key has one successor, and one only, and the grace that was promised. */
function wrongSuccessions({ keys, pruned, holders, events }: Model): readonly string[] {
  const byId = new Map(keys.map((key) => [key.keyId, key]));
  return keys.flatMap((old) => {
    if (!old.isSuperseded) return [];
    const next = byId.get(old.next ?? "");
    const isThere = next !== undefined && (next.roles.length > 0 || pruned.has(next.hash));
    const heirs = [...holders.values()].filter(({ replaces }) => replaces === old.keyId);
    const live = heirs.filter(({ hash }) => byId.get(keyId(hash))?.isRevoked === false);
    const isServed = live.length > 0 || heirs.some((heir) => isRevokedBy(events, heir));
    const isOwed = old.roles.length > 0 && !old.isRevoked;
    return [
      ...(isThere ? [] : [`${old.keyId} is succeeded by nothing`]),
      ...(live.length > 1 ? [`${old.keyId} has several live successors`] : []),
      ...(isOwed && !isServed ? [`${old.keyId} ends, and nobody received its successor ${old.next}`] : []),
      ...(endsAsTold(old, events) ? [] : [`${old.keyId} ends at another time`]),
    ];
  });
}

/** The end of a rotated key is a day after some rotation, or its own end: never later, and never at once. */
function endsAsTold(key: KeyEntry, events: readonly Seen[]): boolean {
  if (key.endsAt === (key.expiresAt ?? Infinity)) return true;
  return events.some(
    ({ argv, startedAt, endedAt }) =>
      argv[1] === "rotate" &&
      key.endsAt >= startedAt + DAY_MS - 2000 &&
      key.endsAt <= Math.min(endedAt, Date.now()) + DAY_MS,
  );
}

/** Every line of tokens that this command printed, acknowledged when it ended well or another line followed. */
function issuedBy({ argv, out, code }: Seen): readonly Issued[] {
  if (argv[1] !== "create" && argv[1] !== "rotate") return [];
  const lines = out.split("\n").filter((line) => line.includes('"token"'));
  return lines.map((line, index) => readIssued(line, code === 0 || index < lines.length - 1));
}

/** Tokens in files: the next command on that machine leaves only what was delivered, or says that it was revoked. */
async function issuedInto(folders: readonly string[]): Promise<readonly Issued[]> {
  const issued: Issued[] = [];
  for (const folder of folders)
    for (const file of await filesBelow(folder)) {
      if (!/^token-.*\.json$|^tokens\/.*\.jsonl$/.test(file)) continue;
      for (const line of (await readFile(join(folder, file), "utf8")).split("\n"))
        if (line.includes('"token"')) issued.push(readIssued(line, true));
    }
  return issued;
}

function readIssued(line: string, isAcknowledged: boolean): Issued {
  const { token, role, user, replaces } = JSON.parse(line) as {
    token: string;
    role: string;
    user: string;
    replaces?: { id: string };
  };
  return { hash: hashKey(Buffer.from(token, "base64")), role, user, replaces: replaces?.id ?? null, isAcknowledged };
}
