import { decodeUtf8 } from "../../lib/files/read-file.ts";
import { DENYLIST_KEY, mergeLocks, parseDenylist, type Lock } from "../../lib/policy/locks.ts";
import { readRegistry, type Registry } from "../../lib/policy/registry.ts";
import { readRoles, type Roles } from "../../lib/policy/role-file.ts";
import { formatPlace, isError, MAX_POLICY_BYTES, type Finding } from "../../lib/policy/source.ts";
import { isSilence } from "./feed.ts";
import {
  bytesOf,
  FollowedSource,
  healthy,
  type Rejection,
  type Source,
  type SourceOptions,
  type SourcePorts,
} from "./source.ts";

/** The role file; one with an error keeps the last good one in force. */
export function rolesSource(path: string, ports: SourcePorts): Source<Roles> {
  const judge: SourceOptions<Roles>["judge"] = (readings) => {
    const { roles, findings } = readRoles(path, bytesOf(readings));
    return rejection(findings) ?? healthy(roles, ports.clock);
  };
  return new FollowedSource<Roles>(
    { what: "roles", path, dataKeys: ["roles.yaml"], maxBytes: MAX_POLICY_BYTES, judge },
    ports,
  );
}

/** The backend registry, likewise. */
export function registrySource(path: string, ports: SourcePorts): Source<Registry> {
  const judge: SourceOptions<Registry>["judge"] = (readings) => {
    const { registry, findings } = readRegistry(path, bytesOf(readings));
    return rejection(findings) ?? healthy(registry, ports.clock);
  };
  return new FollowedSource<Registry>(
    { what: "backends", path, dataKeys: ["backends.yaml"], maxBytes: MAX_POLICY_BYTES, judge },
    ports,
  );
}

/**
 * The locks in force. A denylist that is there but not wholly understood puts them out of use at once, so that every
 * call is refused; one that vanished leaves the last good ones for a while. What was locked stays locked.
 */
export function locksSource(path: string, ports: SourcePorts): Source<readonly Lock[]> {
  return new FollowedSource<readonly Lock[]>(
    {
      what: "locks",
      path,
      dataKeys: [DENYLIST_KEY],
      maxBytes: MAX_POLICY_BYTES,
      judge: (readings, known) => {
        const reading = readings.at(-1);
        if (reading?.ok !== true) {
          const error = reading?.error;
          if (error !== undefined && MISSING.has(error.code)) return missingDenylist(known !== null);
          // While the API server is away, what was locked and what was not stays as it is until the age limit.
          return { ok: false, problem: error?.message ?? "was not read", isFatal: !isSilence(error) };
        }
        try {
          const { locks, vanished } = mergeLocks(
            known ?? [],
            parseDenylist(decodeUtf8(reading.bytes, path), path),
            ports.clock.now(),
          );
          const problem =
            vanished.length === 0
              ? null
              : `${vanished.length} locks vanished without being removed (${namesOf(vanished)}); they stay in force`;
          if (locks.length > MOST_LOCKS)
            return {
              ok: false,
              problem: `more than ${MOST_LOCKS} locks are in force; every call is refused`,
              isFatal: true,
            };
          return healthy(locks, ports.clock, problem);
        } catch (error) {
          return { ok: false, problem: error instanceof Error ? error.message : String(error), isFatal: true };
        }
      },
    },
    ports,
  );
}

/** What a denylist holds at most, twice over: ids that are replaced again and again must not fill the memory. */
const MOST_LOCKS = 20_000;
const MOST_NAMED = 5;

function namesOf(locks: readonly Lock[]): string {
  const more = locks.length > MOST_NAMED ? ", ..." : "";
  return (
    locks
      .slice(0, MOST_NAMED)
      .map(({ id }) => id)
      .join(", ") + more
  );
}

const MISSING: ReadonlySet<string> = new Set(["file_not_found", "object_not_found"]);

/** A file that was read before is waited for; without one, nobody can know what is locked. */
function missingDenylist(wasRead: boolean): Rejection {
  const meanwhile = wasRead
    ? "the locks it held stay in force until the age limit, then every call is refused"
    : "every call is refused until it does";
  return {
    ok: false,
    problem: `does not exist; ${meanwhile}: restore it, or create it with {"locks": []}`,
    isFatal: false,
  };
}

function rejection(findings: readonly Finding[]): Rejection | null {
  const errors = findings.filter(isError);
  const [first] = errors;
  if (first === undefined) return null;
  const more = errors.length === 1 ? "" : ` (and ${errors.length - 1} more)`;
  return { ok: false, problem: `${formatPlace(first.place)}: ${first.message}${more}`, isFatal: false };
}
