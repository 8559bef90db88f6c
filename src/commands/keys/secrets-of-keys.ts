import { AppError } from "../../lib/errors.ts";
import type { KeyStore } from "../../lib/keys/key-store.ts";
import type { Rotation } from "../../lib/keys/rotate-key.ts";
import type { Ports } from "../ports.ts";
import { loadHistory } from "./load-history.ts";
import type { RotateOptions } from "./rotate-options.ts";

/**
 * In which Secrets do the tokens of these keys lie, by their hashes? The note of each record says; `--out` says otherwise.
 * @throws AppError usage for one Secret and several keys
 */
export async function findSecrets(
  rotations: readonly Rotation[],
  { out }: Pick<RotateOptions, "out">,
  { store, ports }: { readonly store: KeyStore; readonly ports: Pick<Ports, "tell"> },
): Promise<ReadonlyMap<string, string>> {
  if (out !== undefined) {
    if (!out.startsWith("secret:")) return new Map();
    const [only, ...others] = rotations;
    if (only !== undefined && others.length === 0) return new Map([[only.old.hash, out]]);
    throw new AppError(
      "usage",
      "secret_for_one_key",
      `${out} holds one token, and ${rotations.length} keys would be rotated`,
      {
        hint: "Name one key, or leave --out away: keys that lie in Secrets are replaced there.",
      },
    );
  }
  const names = rotations.map(({ old, subject }) => ({ role: subject.role, hash: old.hash, part: "record" as const }));
  const { events, notes } = await loadHistory(store, names);
  for (const note of notes) ports.tell(`Which keys lie in Secrets is not known; name one with --out. ${note}`);
  return new Map(
    events.flatMap(({ name, note }) => (note?.secret === undefined ? [] : [[name.hash, note.secret] as const])),
  );
}
