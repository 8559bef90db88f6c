import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "../errors.ts";
import type { KubeApi } from "./kube-api.ts";
import { isNotFound } from "./kube-error.ts";
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
 * for the newest state (no resourceVersion: https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list),
 * and an event older than what was told is left out.
 */
export function followObject<T extends KubeObject>(options: FollowOptions<T>): ObjectFollower {
  const follower = new Follower(options);
  return { ready: follower.start(), close: () => follower.close() };
}

const FIRST_PAUSE_MS = 100;
/** A watch that lived so long was a good one: the next is made without much of a pause. */
const GOOD_WATCH_MS = 2_000;
/** Watches of many replicas must not all end at once, seconds. */
const WATCH_SECONDS = { least: 240, spread: 240 };

class Follower<T extends KubeObject> {
  readonly #options: FollowOptions<T>;
  readonly #times: FollowTimes;
  readonly #closing = new AbortController();
  readonly #ready = Promise.withResolvers<void>();
  #watching = new AbortController();
  /** What was told last; null for nothing, or for an object that is not there. */
  #told: { readonly uid: string; readonly version: string } | null = null;
  #isTold = false;
  #confirmedAt: number;
  #isSilent = false;
  #failure: AppError | null = null;

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
      const begunAt = this.#options.monotonic();
      try {
        await this.#watchOnce();
      } catch (error) {
        this.#fail(error);
      }
      const isGood = this.#options.monotonic() - begunAt >= GOOD_WATCH_MS;
      pause = isGood ? FIRST_PAUSE_MS : Math.min(this.#times.maxPauseMs, pause * 2);
      await this.#pause(pause * (0.5 + this.#options.random() / 2));
    }
  }

  async #watchOnce(): Promise<void> {
    const { api } = this.#options;
    this.#watching = new AbortController();
    const list = await api.send<KubeList<T>>(this.#call("list"));
    const [object] = list.items ?? [];
    // Items of a list carry no kind.
    this.#take(object === undefined ? null : { ...object, kind: this.#kind });
    const query = {
      watch: "1",
      resourceVersion: list.metadata?.resourceVersion ?? "",
      allowWatchBookmarks: "true",
      timeoutSeconds: String(Math.floor(WATCH_SECONDS.least + this.#options.random() * WATCH_SECONDS.spread)),
    };
    if (this.#closing.signal.aborted) return;
    const signal = AbortSignal.any([this.#watching.signal, this.#closing.signal]);
    await api.watch(
      this.#call("watch", query),
      this.#times.idleMs,
      ({ type, object }) => this.#event(type, object as T),
      signal,
    );
  }

  #event(type: string, object: T): void {
    if (type === "BOOKMARK") return this.#confirm();
    if (this.#isOlder(object)) return;
    this.#take(type === "DELETED" ? null : object);
  }

  /** Asks for metadata alone as long as nothing changed: a Secret may have a megabyte. */
  async #keepAsking(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      await this.#pause(this.#times.askMs * (0.75 + this.#options.random() / 2));
      if (this.#closing.signal.aborted) return;
      const told = this.#told;
      try {
        const found = await this.#ask(true);
        // What a watch told meanwhile is newer than this answer.
        if (told !== this.#told || this.#isToldAlready(found)) {
          this.#confirm();
          continue;
        }
        const object = found === null ? null : await this.#ask(false);
        if (told !== this.#told) continue;
        this.#take(object);
        // The watch should have told: it is deaf.
        this.#watching.abort();
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  async #ask(isMetadataOnly: boolean): Promise<T | null> {
    const { api, ref } = this.#options;
    try {
      return await api.send<T>({ ...ref, verb: "get", isMetadataOnly });
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }

  #take(object: T | null): void {
    this.#failure = null;
    this.#confirmedAt = this.#options.monotonic();
    if (this.#isTold && !this.#isSilent && this.#isToldAlready(object)) return this.#confirm();
    this.#isSilent = false;
    this.#isTold = true;
    this.#told =
      object === null ? null : { uid: object.metadata?.uid ?? "", version: object.metadata?.resourceVersion ?? "" };
    this.#tell(object === null ? this.#missing() : { ok: true, object });
  }

  #confirm(): void {
    this.#failure = null;
    this.#confirmedAt = this.#options.monotonic();
    if (!this.#isSilent) return this.#options.onConfirmed();
    // The object itself must be told again: whoever heard of the silence has put it aside.
    this.#watching.abort();
  }

  /** A short outage is no news; whoever never heard of the object is told at once. */
  #fail(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    if (!(error instanceof AppError)) return this.#options.onFault(error);
    if (this.#watching.signal.aborted && error.code === "kube_unreachable") return;
    this.#failure ??= error;
    const { monotonic } = this.#options;
    const isLong = monotonic() - this.#confirmedAt >= this.#times.silenceMs;
    if (this.#isSilent || (this.#isTold && !isLong)) return;
    this.#isSilent = true;
    this.#tell({ ok: false, error: this.#failure, since: this.#confirmedAt });
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
    if (object === null || this.#told === null) return object === null && this.#told === null;
    return object.metadata?.uid === this.#told.uid && object.metadata.resourceVersion === this.#told.version;
  }

  /** Versions of one object can be compared as numbers (https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions). */
  #isOlder({ metadata }: T): boolean {
    if (this.#told === null || metadata?.uid !== this.#told.uid) return false;
    return Number(metadata.resourceVersion) < Number(this.#told.version);
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
