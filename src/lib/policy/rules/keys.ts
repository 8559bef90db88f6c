import { MAX_KEYS_JSON_BYTES_IN_SECRET } from "../../keys/secret-capacity.ts";
import { listSome } from "../../list-some.ts";
import { plural } from "../../plural.ts";
import type { Role } from "../role-file.ts";
import type { Finding, SourceText } from "../source.ts";
import {
  roleSpot,
  tell,
  tellOfFile,
  type CheckedRoles,
  type LiveKey,
  type StoredKeys,
  type Subject,
} from "./subject.ts";

const MOST_NAMED = 5;
const DAY_MS = 86_400_000;

/** MC403: does anybody have a key of the role? */
export function unusedRoles({ files, keys }: Subject): readonly Finding[] {
  const used = new Set(keys?.live.map(({ role }) => role));
  return everyRole(files)
    .filter(({ role }) => !used.has(role.name))
    .map(({ file, role }) =>
      tell("MC403", roleSpot(file, role), `no live key has the role "${role.name}"`, "Remove it, or issue a key."),
    );
}

/** MC501 and MC505: is there a live key of a role that no file has; and did the base still have it? */
export function orphanKeys({ files, keys, base }: Subject, source: SourceText): readonly Finding[] {
  const known = new Set(everyRole(files).map(({ role }) => role.name));
  const orphans = Map.groupBy(keys?.live.filter(({ role }) => !known.has(role)) ?? [], ({ role }) => role);
  return [...orphans].map(([role, live]) => {
    const isRemoved = base?.has(role) === true;
    const what = isRemoved ? `the role "${role}" is gone, and` : `no file has the role "${role}", and`;
    const hint = isRemoved ? "Keep it until its keys are revoked." : "Add the role, or revoke the keys.";
    return tellOfFile(
      isRemoved ? "MC505" : "MC501",
      source,
      `${what} ${plural(live.length, "live key")} of it: ${named(live)}`,
      hint,
    );
  });
}

/** MC502: does a live key never end? */
export function neverExpires({ files, keys }: Subject): readonly Finding[] {
  return ofRoles(files, keys, ({ endsAt }) => endsAt === null).map(({ file, role, live }) =>
    tell(
      "MC502",
      roleSpot(file, role),
      `${plural(live.length, "live key")} of "${role.name}" without an end: ${named(live)}`,
      "Rotate with --ttl.",
    ),
  );
}

/** MC503: are keys old, or does one user have many? */
export function staleKeys({ files, keys, settings, now }: Subject): readonly Finding[] {
  const oldest = now - settings.keyDays * DAY_MS;
  const old = ofRoles(files, keys, ({ madeAt }) => madeAt !== null && madeAt < oldest).map(({ file, role, live }) => {
    const message = `${plural(live.length, "live key")} of "${role.name}" older than ${settings.keyDays} days: ${named(live)}`;
    return tell("MC503", roleSpot(file, role), message, "Rotate them.");
  });
  const many = ofRoles(files, keys, () => true).flatMap(({ file, role, live }) =>
    [...Map.groupBy(live, ({ user }) => user)]
      .filter(([, each]) => each.length > settings.keysPerUser)
      .map(([user, each]) =>
        tell(
          "MC503",
          roleSpot(file, role),
          `"${user}" has ${plural(each.length, "live key")} of "${role.name}"`,
          "Revoke what is not used.",
        ),
      ),
  );
  return [...old, ...many];
}

/** MC504: will a Secret soon not hold the keys any more? */
export function storeCapacity({ keys }: Subject, source: SourceText): readonly Finding[] {
  if (keys === null || keys.bytes < MAX_KEYS_JSON_BYTES_IN_SECRET) return [];
  const message = `the keys take ${keys.bytes} bytes, more than 80 % of what a Secret holds`;
  return [tellOfFile("MC504", source, message, "Prune, or take one ExternalSecret for each role folder.")];
}

interface RoleOf {
  readonly file: CheckedRoles;
  readonly role: Role;
}

function everyRole(files: readonly CheckedRoles[]): readonly RoleOf[] {
  return files.flatMap((file) => [...file.roles.values()].map((role) => ({ file, role })));
}

function ofRoles(
  files: readonly CheckedRoles[],
  keys: StoredKeys | null,
  isMeant: (key: LiveKey) => boolean,
): readonly (RoleOf & { readonly live: readonly LiveKey[] })[] {
  const byRole = Map.groupBy(keys?.live.filter(isMeant) ?? [], ({ role }) => role);
  return everyRole(files).flatMap(({ file, role }) => {
    const live = byRole.get(role.name);
    return live === undefined ? [] : [{ file, role, live }];
  });
}

function named(live: readonly LiveKey[]): string {
  return listSome(
    live.map(({ id, user }) => `${id} of ${user}`),
    MOST_NAMED,
  );
}
