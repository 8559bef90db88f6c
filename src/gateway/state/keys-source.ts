import { stat } from "node:fs/promises";
import { join } from "node:path";
import { KeysJsonReader } from "../../lib/keys/keys-json-reader.ts";
import { KEYS_JSON_KEY } from "../../lib/keys/keys-json.ts";
import type { StoredEntry } from "../../lib/keys/key-store.ts";
import { parseTime } from "../../lib/time.ts";
import { decodeInPieces } from "./decode-in-pieces.ts";
import type { Reading } from "./feed.ts";
import { bytesOf, FollowedSource, healthy, type Source, type SourcePorts, type Verdict } from "./source.ts";

/** A Kubernetes Secret holds 1 MiB; a file may hold far more, but not without end. */
const MAX_KEYS_BYTES = 64 * 1024 * 1024;

export interface KeysPath {
  /** A keys.json, the folder of a mounted Secret, or `secret:NAMESPACE/NAME`. */
  readonly path: string;
  /** The one role whose folder it holds; null for whatever lies in it. */
  readonly role: string | null;
}

/**
 * The entries of one path: a keys.json, good for as long as it can be read, or the folder of a mounted Secret, whose age
 * is what its `synced` says, for a Secret can be read in good health and still be frozen. Of a path that is for one
 * role, entries of other roles count for nothing.
 */
export function keysSource(
  { path, role }: KeysPath,
  allowsBareHashes: boolean,
  ports: SourcePorts,
): Source<readonly StoredEntry[]> {
  const heartbeat = new Heartbeat(ports);
  const reader = new KeysJsonReader();
  return new FollowedSource<readonly StoredEntry[]>(
    {
      what: "keys",
      path,
      dataKeys: ["synced", KEYS_JSON_KEY],
      maxBytes: MAX_KEYS_BYTES,
      // `synced` first: the keys read after it are at least as new as it says.
      paths: async () => ((await isFolder(path)) ? [join(path, "synced"), join(path, KEYS_JSON_KEY)] : [path]),
      judge: (readings) => {
        const isMounted = readings.length > 1;
        const parsed = reader.read(decodeInPieces(bytesOf(readings), path), {
          source: path,
          allowsBareHashes: allowsBareHashes || !isMounted,
        });
        const own = role === null ? parsed : parsed.filter(({ name }) => name?.role === role);
        const others = parsed.length - own.length;
        // The same list as long as nothing changed: the keyring is then not made anew at every heartbeat.
        const entries = others === 0 ? parsed : own;
        const problem =
          others === 0 ? null : `holds ${others} entries that are not of role ${role} and count for nothing`;
        return isMounted ? heartbeat.judge(entries, readings[0], problem) : healthy(entries, ports.clock, problem);
      },
    },
    ports,
  );
}

/** Turns the time in `synced` into the age of the keys; one that is missing, unreadable or standing still is silence. */
class Heartbeat {
  readonly #ports: SourcePorts;
  #text: string | null = null;
  /** Monotonic time of the last beat; a gateway that never heard one trusts nothing. */
  #freshAt: number | null = null;

  constructor(ports: SourcePorts) {
    this.#ports = ports;
  }

  judge(
    entries: readonly StoredEntry[],
    synced: Reading | undefined,
    otherwise: string | null,
  ): Verdict<readonly StoredEntry[]> {
    const problem = this.#beat(synced) ?? otherwise;
    if (this.#freshAt === null) return { ok: false, problem: problem ?? "has no heartbeat", isFatal: true };
    return { ok: true, value: entries, freshAt: this.#freshAt, staleAt: this.#freshAt + this.#ports.maxAgeMs, problem };
  }

  #beat(synced: Reading | undefined): string | null {
    if (synced === undefined || !synced.ok) return "synced, the time of the last synchronisation, cannot be read";
    const text = Buffer.from(synced.bytes).toString("latin1").trim();
    const at = parseTime(text);
    if (at === null) return "synced is not a time like 2026-11-20T09:00:00Z";
    if (text === this.#text) return null;
    this.#text = text;
    // A time ahead of our clock counts as now, once: it ages from here like any other.
    const ageMs = Math.max(0, this.#ports.clock.now() - at);
    this.#freshAt = this.#ports.clock.monotonic() - ageMs;
    return null;
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
