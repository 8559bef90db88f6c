import { randomUUID } from "node:crypto";
import type { KubeObject, Metadata } from "../../src/lib/cluster/objects.ts";
import type { Resource } from "../../src/lib/cluster/resources.ts";

/** An object as the API serves it, with whatever else it has. */
export type StoredObject = KubeObject & { readonly metadata: Metadata; readonly [field: string]: unknown };

/** Where an object lies; an empty namespace for one of the whole cluster. */
export interface Place {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
}

export interface Change {
  readonly version: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly place: Place;
  readonly object: StoredObject;
}

/** Where the numbers begin: larger than nine, so that versions compared as text are told from versions compared as numbers. */
const FIRST_VERSION = 97;

/** The objects of a cluster with one version for all of them, as etcd has, and every change so far. */
export class FakeObjects {
  readonly #objects = new Map<string, { readonly place: Place; readonly object: StoredObject }>();
  readonly #changes: Change[] = [];
  readonly #listeners = new Set<(change: Change) => void>();
  #version = FIRST_VERSION;
  #oldest = 0;

  get version(): number {
    return this.#version;
  }

  get(place: Place): StoredObject | null {
    return this.#objects.get(keyOf(place))?.object ?? null;
  }

  /** Those of one namespace, or with null of all. */
  list(resource: Resource, namespace: string | null): readonly StoredObject[] {
    return [...this.#objects.values()]
      .filter(({ place }) => place.resource === resource && (namespace === null || place.namespace === namespace))
      .map(({ object }) => object);
  }

  /** Writes it whatever stands there; a new one gets a uid. What changes nothing gets no new version. */
  put(place: Place, body: Readonly<Record<string, unknown>>): StoredObject {
    const before = this.get(place);
    const { resourceVersion: _written, ...written } = (body["metadata"] ?? {}) as Metadata;
    const metadata = {
      ...written,
      name: place.name,
      ...(place.namespace === "" ? {} : { namespace: place.namespace }),
      uid: before?.metadata.uid ?? randomUUID(),
      creationTimestamp: (before?.metadata as { creationTimestamp?: string } | undefined)?.creationTimestamp ?? now(),
    };
    if (before !== null && isSame({ ...body, metadata }, before)) return before;
    this.#version += 1;
    const object = { ...body, metadata: { ...metadata, resourceVersion: String(this.#version) } };
    this.#objects.set(keyOf(place), { place, object });
    this.#tell({ version: this.#version, type: before === null ? "ADDED" : "MODIFIED", place, object });
    return object;
  }

  /** Whether there was one. */
  remove(place: Place): StoredObject | null {
    const before = this.get(place);
    if (before === null) return null;
    this.#version += 1;
    this.#objects.delete(keyOf(place));
    const object = { ...before, metadata: { ...before.metadata, resourceVersion: String(this.#version) } };
    this.#tell({ version: this.#version, type: "DELETED", place, object });
    return object;
  }

  /** The changes after this version, or null when they are no longer known. */
  since(version: number): readonly Change[] | null {
    return version < this.#oldest ? null : this.#changes.filter((change) => change.version > version);
  }

  /** Forgets every change so far, as etcd does after five minutes. */
  compact(): void {
    this.#version += 1;
    this.#oldest = this.#version;
    this.#changes.length = 0;
  }

  /** Ends when the function it returns is called. */
  onChange(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(change: Change): void {
    this.#changes.push(change);
    for (const listener of this.#listeners) listener(change);
  }
}

/** JSON merge patch, RFC 7386. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const merged = new Map(Object.entries(isRecord(target) ? target : {}));
  for (const [name, value] of Object.entries(patch))
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  return Object.fromEntries(merged);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function keyOf({ resource, namespace, name }: Place): string {
  return JSON.stringify([resource, namespace, name]);
}

/** But for their versions. */
function isSame(one: Readonly<Record<string, unknown>>, other: StoredObject): boolean {
  const { resourceVersion: _version, ...metadata } = other.metadata;
  return sorted(one) === sorted({ ...other, metadata });
}

function sorted(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    isRecord(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  );
}

function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, "Z");
}
