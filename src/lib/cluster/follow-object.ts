import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "../errors.ts";
import type { KubeApi, WatchEvent } from "./kube-api.ts";
import { ifFound, kubeError, STALE, UNREADABLE } from "./kube-error.ts";
import type { KubeList, KubeObject } from "./objects.ts";
import { objectLabel, type ObjectRef } from "./object-ref.ts";
import type { KubeCall } from "./resources.ts";

/** The object as the API last told it. */
export type Sighting<T> =
  | { readonly ok: true; readonly object: T }
  /** It is not there, or the API has not said for too long. `since` is the monotonic time when it last did. */
  | { readonly ok: false; readonly error: AppError; readonly since: number };

export interface FollowTimes {
  /** How often to ask whether the watch has missed something. */
  readonly askMs: number;
  /** A watch that says nothing for so long is made anew; the API server sends a bookmark about every minute. */
  readonly idleMs: number;
  /** The longest pause before a watch that ended or failed is made anew. */
  readonly maxPauseMs: number;
  /** How long nothing may be known before that is told. */
  readonly silenceMs: number;
}

export const FOLLOW_TIMES: FollowTimes = { askMs: 5_000, idleMs: 90_000, maxPauseMs: 5_000, silenceMs: 15_000 };

export interface FollowOptions<T> {
  readonly api: Pick<KubeApi, "send" | "watch">;
  readonly ref: ObjectRef;
  readonly times?: Partial<FollowTimes>;
  readonly monotonic: () => number;
  /** From 0 to 1, for pauses: replicas must not come back all at once. */
  readonly random: () => number;
  /** Called whenever the object changed, appeared, vanished, or fell silent. */
  readonly onSighting: (sighting: Sighting<T>) => void;
  /** Called whenever the API confirmed what was told last. */
  readonly onConfirmed: () => void;
  /** Called with what `onSighting` threw. */
  readonly onFault: (error: unknown) => void;
}

export interface ObjectFollower {
  /** Resolves after the first sighting. */
  readonly ready: Promise<void>;
  close(): void;
}

/**
 * Follows one object by list and watch, and asks now and then, for a watch can be in good health and deaf. Lists always ask
 * for the newest state (no resourceVersion: https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list).
 * What is older than what was told is left out; a cluster that tells nothing newer for `silenceMs` was restored from a
 * backup, and is believed.
 */
export function followObject<T extends KubeObject>(options: FollowOptions<T>): ObjectFollower {
  const follower = new Follower(options);
  return { ready: follower.start(), close: () => follower.close() };
}

const FIRST_PAUSE_MS = 100;
/** A watch that lived so long was a good one: the next is made without much of a pause. */
const GOOD_WATCH_MS = 2_000;
/** What tells of an object, beside BOOKMARK; ERROR ends a watch. */
const EVENT_TYPES: ReadonlySet<string> = new Set(["ADDED", "MODIFIED", "DELETED"]);
/** Watches of many replicas must not all end at once, seconds. */
const WATCH_SECONDS = { least: 240, spread: 240 };

/** What was told last: an object, or with no uid that there is none. */
interface Told {
  readonly uid: string | null;
  readonly version: number;
}

class Follower<T extends KubeObject> {
  readonly #options: FollowOptions<T>;
  readonly #times: FollowTimes;
  readonly #closing = new AbortController();
  readonly #ready = Promise.withResolvers<void>();
  #watching = new AbortController();
  #told: Told | null = null;
  #confirmedAt: number;
  /** Since when do lists tell nothing but older states? */
  #staleSince: number | null = null;
  #isSilent = false;

  constructor(options: FollowOptions<T>) {
    this.#options = options;
    this.#times = { ...FOLLOW_TIMES, ...options.times };
    this.#confirmedAt = options.monotonic();
  }

  start(): Promise<void> {
    void this.#keepWatching();
    void this.#keepAsking();
    return this.#ready.promise;
  }

  close(): void {
    this.#closing.abort();
    this.#watching.abort();
    this.#ready.resolve();
  }

  async #keepWatching(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    while (!this.#closing.signal.aborted) {
      let begunAt = Infinity;
      try {
        this.#watching = new AbortController();
        const version = await this.#list();
        begunAt = this.#options.monotonic();
        await this.#watch(version);
      } catch (error) {
        this.#fail(error);
      }
      const isGood = this.#options.monotonic() - begunAt >= GOOD_WATCH_MS;
      pause = isGood ? FIRST_PAUSE_MS : Math.min(this.#times.maxPauseMs, pause * 2);
      await this.#pause(pause * (0.5 + this.#options.random() / 2));
    }
  }

  /** Tells what stands there; the version from which to watch on. */
  async #list(): Promise<string> {
    const call = this.#call("list");
    const { metadata, items } = await this.#options.api.send<KubeList<T>>(call);
    const version = metadata?.resourceVersion ?? "";
    if (!Array.isArray(items) || version === "") throw kubeError(call, UNREADABLE, null);
    const object = (items as readonly T[]).find((item) => item.metadata?.name === this.#options.ref.name);
    if (this.#isStale(version)) throw kubeError(call, STALE, null);
    // Items of a list carry no kind.
    this.#take(object === undefined ? null : { ...object, kind: this.#kind }, version);
    return version;
  }

  async #watch(resourceVersion: string): Promise<void> {
    const timeoutSeconds = Math.floor(WATCH_SECONDS.least + this.#options.random() * WATCH_SECONDS.spread);
    const call = this.#call("watch", {
      watch: "1",
      resourceVersion,
      allowWatchBookmarks: "true",
      timeoutSeconds: String(timeoutSeconds),
    });
    const signal = AbortSignal.any([this.#watching.signal, this.#closing.signal]);
    await this.#options.api.watch(call, this.#times.idleMs, (event) => this.#hear(event, call), signal);
  }

  #hear({ type, object }: WatchEvent, call: KubeCall): void {
    if (type === "BOOKMARK") return this.#confirm();
    const known = this.#known(object, call);
    if (!EVENT_TYPES.has(type)) throw kubeError(call, UNREADABLE, null);
    const version = known.metadata?.resourceVersion ?? "";
    if (!this.#isOlder(version)) this.#take(type === "DELETED" ? null : known, version);
  }

  /** Asks for metadata alone as long as nothing changed: a Secret may have a megabyte. */
  async #keepAsking(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      await this.#pause(this.#times.askMs * (0.75 + this.#options.random() / 2));
      if (this.#closing.signal.aborted) return;
      try {
        await this.#askOnce();
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  async #askOnce(): Promise<void> {
    const told = this.#told;
    const found = await this.#ask(true);
    // What a watch told meanwhile is newer than this answer.
    if (told !== this.#told || this.#isToldAlready(found)) return this.#confirm();
    const object = found === null ? null : await this.#ask(false);
    if (told !== this.#told) return;
    // The watch should have told: it is deaf. Or this answer is stale, and a list decides.
    this.#watching.abort();
    const version = object?.metadata?.resourceVersion ?? String(told?.version ?? 0);
    if (this.#isOlder(version)) throw kubeError({ ...this.#options.ref, verb: "get" }, STALE, null);
    this.#take(object, version);
  }

  async #ask(isMetadataOnly: boolean): Promise<T | null> {
    const { api, ref } = this.#options;
    const call = { ...ref, verb: "get", isMetadataOnly } as const;
    const found = await ifFound(api.send<T>(call));
    return found === null ? null : this.#known(found, call);
  }

  /** @throws AppError for what is not the object that is followed */
  #known(object: unknown, call: KubeCall): T {
    const { metadata } = (object ?? {}) as T;
    const isKnown = metadata?.name === this.#options.ref.name && metadata.uid && metadata.resourceVersion;
    if (!isKnown) throw kubeError(call, UNREADABLE, null);
    return object as T;
  }

  #take(object: T | null, version: string): void {
    if (this.#told !== null && !this.#isSilent && this.#isToldAlready(object)) return this.#confirm();
    if (this.#closing.signal.aborted) return;
    this.#confirmedAt = this.#options.monotonic();
    this.#isSilent = false;
    const { uid = "", resourceVersion = version } = object?.metadata ?? {};
    this.#told = { uid: object === null ? null : uid, version: Number(resourceVersion) };
    this.#tell(object === null ? this.#missing() : { ok: true, object });
  }

  #confirm(): void {
    if (this.#closing.signal.aborted) return;
    this.#confirmedAt = this.#options.monotonic();
    if (!this.#isSilent) return this.#options.onConfirmed();
    // The object itself must be told again: whoever heard of the silence has put it aside.
    this.#watching.abort();
  }

  /** A short outage is no news; whoever never heard of the object is told at once. */
  #fail(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    if (!(error instanceof AppError)) return this.#options.onFault(error);
    const isLong = this.#options.monotonic() - this.#confirmedAt >= this.#times.silenceMs;
    if (this.#isSilent || (this.#told !== null && !isLong)) return;
    this.#isSilent = true;
    this.#tell({ ok: false, error, since: this.#confirmedAt });
  }

  #tell(sighting: Sighting<T>): void {
    try {
      this.#options.onSighting(sighting);
    } catch (error) {
      this.#options.onFault(error);
    }
    this.#ready.resolve();
  }

  #isToldAlready(object: T | null): boolean {
    if (object === null || this.#told === null) return object === null && this.#told?.uid === null;
    return object.metadata?.uid === this.#told.uid && Number(object.metadata?.resourceVersion) === this.#told.version;
  }

  /** Versions can be compared as numbers (https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions). */
  #isOlder(version: string): boolean {
    return this.#told !== null && Number(version) < this.#told.version;
  }

  /** Is the list of this version not to be believed? */
  #isStale(version: string): boolean {
    const now = this.#options.monotonic();
    this.#staleSince = this.#isOlder(version) ? (this.#staleSince ?? now) : null;
    return this.#staleSince !== null && now - this.#staleSince < this.#times.silenceMs;
  }

  #missing(): Sighting<T> {
    const { ref, monotonic } = this.#options;
    const error = new AppError("not-found", "object_not_found", `${objectLabel(ref)} does not exist`);
    return { ok: false, error, since: monotonic() };
  }

  get #kind(): string {
    return this.#options.ref.resource === "secrets" ? "Secret" : "ConfigMap";
  }

  /** The name goes along as a selector: only so does a Role for this one name allow the list (kube's RequestInfo). */
  #call(verb: "list" | "watch", query: Readonly<Record<string, string>> = {}): KubeCall {
    const { resource, namespace, name } = this.#options.ref;
    return { verb, resource, namespace, name: null, query: { fieldSelector: `metadata.name=${name}`, ...query } };
  }

  async #pause(ms: number): Promise<void> {
    try {
      await delay(ms, undefined, { signal: this.#closing.signal, ref: false });
    } catch {
      // Closed: whoever waited looks.
    }
  }
}
