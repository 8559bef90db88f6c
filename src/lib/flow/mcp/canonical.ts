/** The same value as lists alone, with the members of objects by name: equal as JSON for what says the same. */
export function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return { members: entries.map(([name, member]) => [name, canonical(member)] as const) };
}
