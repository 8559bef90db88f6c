import { join } from "node:path";
import type { KeyStore } from "../../src/lib/keys/key-store.ts";
import { formatEntryName } from "../../src/lib/keys/record.ts";
import { formatTime } from "../../src/lib/time.ts";
import { mount } from "./mounted-secret.ts";

/** A Kubernetes Secret holds 1 MiB; the API server refuses more, and External Secrets then leaves the old one. */
const MAX_BYTES = 1024 * 1024;

/**
 * Plays External Secrets and the kubelet for one ExternalSecret: the entries of a role's folder, or of all, as the
 * anchored name pattern of the manifest takes them. What does not fit changes nothing, and `synced` stands still.
 */
export class RenderedSecret {
  readonly folder: string;
  readonly #store: KeyStore;
  readonly #role: string | null;
  #swaps = 0;

  constructor(parent: string, store: KeyStore, role: string | null) {
    this.folder = join(parent, role ?? "all");
    this.#store = store;
    this.#role = role;
  }

  /** Whether it could be written. */
  async sync(at: number): Promise<boolean> {
    const entries = (await this.#store.list()).filter(
      ({ name }) => name !== null && (this.#role === null || name.role === this.#role),
    );
    const rendered = Object.fromEntries(
      entries.map(({ name, value }) => [name === null ? "" : formatEntryName(name, "."), value]),
    );
    const text = JSON.stringify(rendered);
    if (Buffer.byteLength(text) > MAX_BYTES) return false;
    this.#swaps += 1;
    await mount(this.folder, `..${this.#swaps}`, { "keys.json": text, synced: formatTime(at) });
    return true;
  }
}
