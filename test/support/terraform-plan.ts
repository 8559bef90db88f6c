type Json = Readonly<Record<string, unknown>>;

export interface PlanPart {
  /** `aws_iam_role.ro`, or with `module.x.` or `module.x[0].` before it. */
  readonly address: string;
  readonly values: Json;
  readonly unknown?: Json;
  readonly actions?: readonly string[];
  readonly before?: Json;
  /** What the configuration says of the arguments: for each, what it refers to, or nothing for a constant. */
  readonly arguments?: Readonly<Record<string, readonly string[] | null>>;
}

/** A plan as `terraform show -json` prints it, of resources of at most one module each, one level down. */
export function plan(parts: readonly PlanPart[], more: Json = {}): Json {
  const modules = new Map<string, PlanPart[]>();
  for (const part of parts) {
    const module = /^module\.[^.]+/.exec(part.address)?.[0] ?? "";
    modules.set(module, [...(modules.get(module) ?? []), part]);
  }
  const children = [...modules].filter(([module]) => module !== "");
  return {
    format_version: "1.2",
    planned_values: {
      root_module: {
        resources: (modules.get("") ?? []).filter(isKept).map(planned),
        child_modules: children.map(([address, own]) => ({ address, resources: own.filter(isKept).map(planned) })),
      },
    },
    resource_changes: parts.map(({ address, unknown = {}, actions = ["create"], before = null }) => ({
      address,
      ...typeAndName(address),
      change: { actions, before, after_unknown: unknown },
    })),
    configuration: {
      root_module: {
        resources: configured(modules.get("") ?? []),
        module_calls: Object.fromEntries(
          children.map(([module, own]) => [
            module.replace(/^module\./, "").replace(/\[.*$/, ""),
            { module: { resources: configured(own) } },
          ]),
        ),
      },
    },
    ...more,
  };
}

function isKept({ actions = [] }: PlanPart): boolean {
  return actions.length !== 1 || actions[0] !== "delete";
}

function typeAndName(address: string): { readonly type: string; readonly name: string } {
  const [type = "", name = ""] = address
    .replace(/^module\.[^.]+\./, "")
    .replace(/\[.*$/, "")
    .split(".");
  return { type, name };
}

function planned({ address, values }: PlanPart): Json {
  return { address, mode: "managed", ...typeAndName(address), values };
}

function configured(parts: readonly PlanPart[]): readonly Json[] {
  return parts.map(({ address, arguments: given = {} }) => {
    const { type, name } = typeAndName(address);
    const expressions = Object.entries(given).map(([argument, references]) => [
      argument,
      references === null ? { constant_value: "x" } : { references },
    ]);
    return { address: `${type}.${name}`, mode: "managed", type, name, expressions: Object.fromEntries(expressions) };
  });
}

/** The data source that tells whose plan it is. */
export function callerOf(account: string): Json {
  const values = { account_id: account, arn: `arn:aws:sts::${account}:assumed-role/ci/x` };
  const resource = { address: "data.aws_caller_identity.this", mode: "data", type: "aws_caller_identity", values };
  return { prior_state: { values: { root_module: { resources: [resource] } } } };
}
