interface Frame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
}

/** What of Chrome's .cpuprofile format is used (chromedevtools.github.io/devtools-protocol, Profiler.Profile). */
export interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame; readonly children?: readonly number[] }[];
  /** Microseconds of the monotonic clock. */
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Where a function's source is: its package, `src` or `node`, and file with line. */
export type Locate = (url: string, line: number, column: number) => { readonly owner: string; readonly place: string };

export type Shares = readonly (readonly [string, number])[];

/** Microseconds, most first. */
export interface SelfTimes {
  /** All that was not idle. */
  readonly busyUs: number;
  readonly functions: Shares;
  readonly owners: Shares;
  /** What native calls took, by the nearest caller that is not node's own. */
  readonly nativeCallers: Shares;
}

/** Which functions, and whose, did the time of the samples between two moments go to? */
export function selfTimes(profile: CpuProfile, fromUs: number, toUs: number, locate: Locate): SelfTimes {
  const graph = new CallTree(profile, locate);
  const functions = new Map<string, number>();
  const owners = new Map<string, number>();
  const nativeCallers = new Map<string, number>();
  let at = profile.startTime;
  let busyUs = 0;
  profile.samples.forEach((id, index) => {
    // A delta stands before its sample; the time until the next sample belongs to this one.
    at += profile.timeDeltas[index] ?? 0;
    const lasted = profile.timeDeltas[index + 1] ?? 0;
    if (at < fromUs || at > toUs || graph.name(id) === "(idle)") return;
    busyUs += lasted;
    add(functions, graph.label(id), lasted);
    add(owners, graph.owner(id), lasted);
    if (graph.owner(id) === NATIVE) add(nativeCallers, `${graph.name(id)}  for  ${graph.callerOf(id)}`, lasted);
  });
  return { busyUs, functions: sorted(functions), owners: sorted(owners), nativeCallers: sorted(nativeCallers) };
}

const NATIVE = "native calls";

/** Names and owners of the profile's nodes. */
class CallTree {
  readonly #frames: ReadonlyMap<number, Frame>;
  readonly #parents = new Map<number, number>();
  readonly #locate: Locate;

  constructor({ nodes }: CpuProfile, locate: Locate) {
    this.#locate = locate;
    this.#frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
    for (const { id, children = [] } of nodes) for (const child of children) this.#parents.set(child, id);
  }

  name(id: number): string {
    const name = this.#frames.get(id)?.functionName ?? "?";
    return name === "" ? "(anonymous)" : name;
  }

  label(id: number): string {
    const { url, place } = this.#at(id);
    return url === "" ? this.name(id) : `${this.name(id)}  ${place}`;
  }

  /** V8's own entries stand for themselves. */
  owner(id: number): string {
    const { url, owner } = this.#at(id);
    if (url !== "") return owner;
    return this.name(id).startsWith("(") && this.name(id) !== "(anonymous)" ? this.name(id) : NATIVE;
  }

  callerOf(id: number): string {
    for (let at = this.#parents.get(id); at !== undefined; at = this.#parents.get(at)) {
      const { url, owner } = this.#at(at);
      if (url !== "" && owner !== "node") return this.label(at);
    }
    return "node itself";
  }

  #at(id: number): { readonly url: string; readonly owner: string; readonly place: string } {
    const { url, lineNumber, columnNumber } = this.#frames.get(id) as Frame;
    return { url, ...this.#locate(url, lineNumber, columnNumber) };
  }
}

function add(times: Map<string, number>, name: string, us: number): void {
  times.set(name, (times.get(name) ?? 0) + us);
}

function sorted(times: ReadonlyMap<string, number>): Shares {
  return [...times].toSorted((a, b) => b[1] - a[1]);
}
