/** Of objects that some document says twice, and differently, all that is said. */
export type Readings<T> = readonly [T, ...T[]];

interface Named {
  /** Null for objects of the whole cluster. */
  readonly namespace: string | null;
  readonly name: string;
}

/** Objects of one kind by namespace and name. */
export class ReadingsByName<T extends Named> {
  readonly #byNamespace = new Map<
    string | null,
    Map<string, { readonly all: [T, ...T[]]; readonly seen: Set<string> }>
  >();

  /** Takes what is read of an object; does it contradict what is there? `substance` is what of it decides. */
  add(read: T, substance: string): boolean {
    const byName = this.#byNamespace.get(read.namespace) ?? new Map();
    this.#byNamespace.set(read.namespace, byName);
    const before = byName.get(read.name);
    if (before === undefined) byName.set(read.name, { all: [read], seen: new Set([substance]) });
    if (before === undefined || before.seen.has(substance)) return false;
    before.seen.add(substance);
    before.all.push(read);
    return true;
  }

  get(namespace: string | null, name: string): Readings<T> | null {
    return this.#byNamespace.get(namespace)?.get(name)?.all ?? null;
  }

  of(namespace: string | null): readonly Readings<T>[] {
    return [...(this.#byNamespace.get(namespace)?.values() ?? [])].map(({ all }) => all);
  }

  all(): readonly Readings<T>[] {
    return [...this.#byNamespace.keys()].flatMap((namespace) => this.of(namespace));
  }
}
