interface RoleLike {
  readonly kind?: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly rules?: readonly unknown[];
  readonly aggregationRule?: {
    readonly clusterRoleSelectors: readonly { readonly matchLabels: Readonly<Record<string, string>> }[];
  };
}

const MAX_ROUNDS = 10;

/**
 * The same objects with aggregated ClusterRoles filled, as the controller leaves them (kubernetes,
 * pkg/controller/clusterroleaggregation): role after role, until nothing changes any more, or, where roles aggregate each
 * other, for so long.
 */
export function filledByController(objects: readonly unknown[]): readonly unknown[] {
  const roles = (objects as readonly RoleLike[]).map((object) => ({ ...object }));
  let isChanged = true;
  for (let rounds = 0; isChanged && rounds < MAX_ROUNDS; rounds += 1) {
    isChanged = false;
    for (const role of roles) {
      if (role.aggregationRule === undefined) continue;
      const rules = unionFor(role, roles);
      if (JSON.stringify(rules) === JSON.stringify(role.rules)) continue;
      Object.assign(role, { rules });
      isChanged = true;
    }
  }
  return roles;
}

function unionFor({ metadata, aggregationRule }: RoleLike, roles: readonly RoleLike[]): readonly unknown[] {
  const rules = new Map<string, unknown>();
  for (const { matchLabels } of aggregationRule?.clusterRoleSelectors ?? []) {
    const found = roles
      .filter(({ kind, metadata: { name } }) => kind === "ClusterRole" && name !== metadata.name)
      .filter(({ metadata: { labels } }) =>
        Object.entries(matchLabels).every(([key, value]) => labels?.[key] === value),
      )
      .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    for (const rule of found.flatMap((role) => role.rules ?? [])) rules.set(JSON.stringify(rule), rule);
  }
  return [...rules.values()];
}
