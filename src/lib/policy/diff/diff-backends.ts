import { endpointOf, type Backend, type Registry } from "../registry.ts";
import type { BackendChange } from "./policy-diff.ts";

/** A field that the registry now gives otherwise, and what that means for every grant of the backend. */
export interface ChangedField {
  readonly text: string;
  readonly grows: boolean;
  readonly shrinks: boolean;
}

/** What of a backend changed that a call can feel? Its owner and what its tools need are not among it. */
export function changedFields(before: Backend, after: Backend): readonly ChangedField[] {
  const fields: ChangedField[] = [];
  const add = (name: string, old: string, now: string, direction: Partial<ChangedField> = {}): void => {
    // Another target is neither more nor less: calls are possible that were not, and others no more.
    if (old !== now) fields.push({ text: `${name} ${old} -> ${now}`, grows: true, shrinks: true, ...direction });
  };
  add("access", before.access, after.access, { grows: after.access === "rw", shrinks: after.access === "ro" });
  add("environment", before.environment, after.environment);
  add("service", before.service, after.service);
  add("URL", endpointOf(before), endpointOf(after));
  add("ServiceAccount", before.serviceAccount ?? "none", after.serviceAccount ?? "none");
  add("IAM role", before.iamRole ?? "none", after.iamRole ?? "none");
  return fields;
}

/** Every backend that was registered, unregistered, or is described otherwise, by name. */
export function diffBackends(before: Registry, after: Registry): readonly BackendChange[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].toSorted();
  return names.flatMap((backend): readonly BackendChange[] => {
    const [old, now] = [before.get(backend), after.get(backend)];
    if (old === undefined) return [{ backend, kind: "added", what: [] }];
    if (now === undefined) return [{ backend, kind: "removed", what: [] }];
    const what = changedFields(old, now).map(({ text }) => text);
    return what.length === 0 ? [] : [{ backend, kind: "changed", what }];
  });
}
