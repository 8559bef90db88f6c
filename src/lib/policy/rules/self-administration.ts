import type { AwsNeed, Backend, KindNeed, KubernetesNeed, ResourceNeed, ToolNeeds } from "../registry.ts";
import { isToolAllowed, matchesGlob } from "../tools.ts";
import type { RoleRule } from "./grants.ts";
import type { RuleSettings } from "./settings.ts";
import { grantSpot, tell } from "./subject.ts";

/** MC308: can the role reach what decides over it, the store of the keys or the objects that hold keys, roles and locks? */
export const selfAdministration: RoleRule = ({ settings }, { file, open }) =>
  open.flatMap(({ grant, backend }) => {
    const named = settings.administers.includes(backend.name) ? "is known to reach keys or roles" : null;
    const by = named ?? reach(backend, grant.tools, settings);
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
  { tools = {}, access }: Backend,
  rule: Parameters<typeof isToolAllowed>[0] | null,
  settings: RuleSettings,
): string | null {
  for (const [tool, needs] of Object.entries(tools)) {
    if (rule !== null && !isToolAllowed(rule, tool)) continue;
    const { aws = [], kubernetes = [] } = atMost(needs, access);
    if (kubernetes === "anything") return `offers ${tool}, which may ask Kubernetes for anything`;
    const action = aws.find((need) => reachesStore(need, settings));
    if (action !== undefined) return `offers ${tool}, which may ${action.action}`;
    const request = kubernetes.find((need) => reachesObjects(need, settings));
    if (request !== undefined) return `offers ${tool}, which may ${request.verb} ${objectsOf(request)}`;
  }
  return null;
}

/** What the entry says exactly, or else what the server says of itself, where it is there to write. */
function atMost({ aws, kubernetes, declared }: ToolNeeds, access: Backend["access"]): AtMost {
  if (kubernetes !== undefined || aws !== undefined) return { aws, kubernetes };
  // A server offers the same tools where its rights are to read: those stop it, and `verify` holds them against the registry.
  if (access === "ro") return {};
  const bounds = declared?.bounds ?? { kubernetes: [] };
  return { kubernetes: "unbounded" in bounds ? "anything" : bounds.kubernetes };
}

interface AtMost {
  readonly aws?: readonly AwsNeed[] | undefined;
  readonly kubernetes?: readonly KubernetesNeed[] | "anything" | undefined;
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
const KINDS = new Set(["Secret", "ConfigMap"]);

/** A kind or a manifest that only the call tells can be anything. */
function reachesObjects(need: KubernetesNeed, { namespaces }: RuleSettings): boolean {
  if (!OBJECT_WRITES.has(need.verb)) return false;
  if ("manifest" in need) return true;
  const { namespace } = need;
  if ("kind" in need ? !mayBeObjects(need) : !isOfObjects(need)) return false;
  return (
    namespace === undefined || namespace.includes("{") || namespaces.length === 0 || namespaces.includes(namespace)
  );
}

function isOfObjects({ resource, group }: ResourceNeed): boolean {
  return OBJECTS.has(resource) && [undefined, "", "*"].includes(group);
}

function mayBeObjects({ kind, apiVersion, subresource }: KindNeed): boolean {
  if (subresource !== undefined) return false;
  return (kind.includes("{") || KINDS.has(kind)) && (apiVersion.includes("{") || apiVersion === "v1");
}

function objectsOf(need: KubernetesNeed): string {
  if ("manifest" in need) return `the objects in ${need.manifest}`;
  return "kind" in need ? `objects of kind ${need.kind}` : need.resource;
}
