import { randomBytes } from "node:crypto";
import { AppError } from "../../lib/errors.ts";
import { decodeUtf8 } from "../../lib/files/read-file.ts";
import type { SessionSecrets } from "../mcp/session-id.ts";
import type { Loaded } from "./loaded.ts";
import { bytesOf, FollowedSource, healthy, type Source, type SourcePorts } from "./source.ts";

const MAX_SECRET_BYTES = 4096;
/** As many characters as 24 random bytes have in base64. */
const MIN_LENGTH = 32;

/** The session secret of a `--session-secret` file; a broken one leaves the last good one in force for a while. */
export function sessionSecretSource(path: string, ports: SourcePorts): Source<SessionSecrets> {
  return new FollowedSource<SessionSecrets>(
    {
      what: "session secret",
      path,
      dataKeys: ["session-secret"],
      maxBytes: MAX_SECRET_BYTES,
      isSecret: true,
      judge: (readings) => healthy(parseSessionSecrets(decodeUtf8(bytesOf(readings), path), path), ports.clock),
    },
    ports,
  );
}

/** A secret that dies with this process: sessions end when it does, and are worth nothing on other replicas. */
export function ephemeralSecrets(): Loaded<SessionSecrets> {
  const value = { current: randomBytes(32).toString("base64url"), previous: null };
  return { value, staleAt: Infinity, freshAt: null, digest: null, problem: null };
}

/**
 * The current secret on the first line, and on a second one, while it is being replaced, the previous.
 * @throws AppError invalid; what stands in the file is never told
 */
export function parseSessionSecrets(text: string, source: string): SessionSecrets {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const [current, previous = null] = lines;
  if (current === undefined || lines.length > 2)
    throw invalid(source, "holds one line, the current secret, and at most one more, the previous");
  if (lines.some((line) => line.length < MIN_LENGTH || !/^[\x21-\x7e]+$/.test(line)))
    throw invalid(source, `has a secret that is not ${MIN_LENGTH} or more printable characters without spaces`);
  if (current === previous) throw invalid(source, "says the same secret twice");
  return { current, previous };
}

function invalid(source: string, problem: string): AppError {
  return new AppError("invalid", "session_secret_invalid", `${source} ${problem}`, {
    hint: "Make one with: openssl rand -base64 32",
  });
}
