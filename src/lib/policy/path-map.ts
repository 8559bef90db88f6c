type Step = string | null;
type Node<T> = Map<Step, Node<T> | T>;

/** Values by paths of names, all of one length: no two paths are ever taken for one, whatever stands in the names. */
export class PathMap<T extends object> {
  readonly #root: Node<T> = new Map();

  get(path: readonly Step[]): T | undefined {
    let found: Node<T> | T | undefined = this.#root;
    for (const step of path) {
      if (found === undefined) return undefined;
      found = (found as Node<T>).get(step);
    }
    return found as T | undefined;
  }

  set(path: readonly [...Step[], Step], value: T): void {
    let node = this.#root;
    for (const step of path.slice(0, -1)) {
      const next = (node.get(step) as Node<T> | undefined) ?? new Map<Step, Node<T> | T>();
      node.set(step, next);
      node = next;
    }
    node.set(path.at(-1) as Step, value);
  }
}
