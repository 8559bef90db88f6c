import type { AwsNeed, KubernetesNeed, ToolNeeds } from "../registry.ts";
import { isToolAllowed, matchesGlob } from "../tools.ts";
import type { RoleRule } from "./grants.ts";
import type { RuleSettings } from "./settings.ts";
import { grantSpot, tell } from "./subject.ts";

/** MC308: can the role reach what decides over it, the store of the keys or the objects that hold keys, roles and locks? */
export const selfAdministration: RoleRule = ({ settings }, { file, open }) =>
  open.flatMap(({ grant, backend }) => {
    const named = settings.administers.includes(backend.name) ? "is known to reach keys or roles" : null;
    const by = named ?? reach(Object.entries(backend.tools ?? {}), grant.tools, settings);
    if (by === null) return [];
    return [
      tell(
        "MC308",
        grantSpot(file, grant),
        `${backend.name} ${by}: the role could give itself more`,
        "Remove it, or narrow it to other tools.",
      ),
    ];
  });

function reach(
  tools: readonly (readonly [string, ToolNeeds])[],
  rule: Parameters<typeof isToolAllowed>[0] | null,
  settings: RuleSettings,
): string | null {
  for (const [tool, { aws = [], kubernetes = [] }] of tools) {
    if (rule !== null && !isToolAllowed(rule, tool)) continue;
    const action = aws.find((need) => reachesStore(need, settings));
    if (action !== undefined) return `offers ${tool}, which may ${action.action}`;
    const request = kubernetes.find((need) => reachesObjects(need, settings));
    if (request !== undefined) return `offers ${tool}, which may ${request.verb} ${request.resource}`;
  }
  return null;
}

const STORE_WRITES = ["ssm:PutParameter", "ssm:DeleteParameter", "ssm:DeleteParameters", "ssm:LabelParameterVersion"];

/** A need names what a tool asks for; `{argument}` in a resource can be anything. */
function reachesStore({ action, resource }: AwsNeed, { parameterPaths }: RuleSettings): boolean {
  const pattern = action.toLowerCase().replaceAll("?", "*");
  if (!STORE_WRITES.some((write) => matchesGlob(pattern, write.toLowerCase()))) return false;
  const [, path] = /:parameter(\/.*)$/.exec(resource) ?? [];
  if (path === undefined || parameterPaths.length === 0) return true;
  const fixed = path.split(/[{*?]/)[0] as string;
  return parameterPaths.some((known) => `${known}/`.startsWith(fixed) || fixed.startsWith(`${known}/`));
}

const OBJECT_WRITES = new Set(["create", "update", "patch", "delete", "deletecollection", "*"]);
const OBJECTS = new Set(["secrets", "configmaps", "*"]);

function reachesObjects({ verb, resource, group, namespace }: KubernetesNeed, { namespaces }: RuleSettings): boolean {
  if (!OBJECT_WRITES.has(verb) || !OBJECTS.has(resource) || ![undefined, "", "*"].includes(group)) return false;
  return (
    namespace === undefined || namespace.includes("{") || namespaces.length === 0 || namespaces.includes(namespace)
  );
}
