import { isProduction } from "../../policy/registry.ts";
import type { Matrix } from "../../policy/matrix.ts";
import { visible } from "../report/visible.ts";

/** The matrix as a graph for Graphviz: a box for each environment, a thick line where a role may write, a dashed one for some tools. */
export function dot({ roles, backends, cells }: Matrix): string {
  const backendIds = new Map(backends.map(({ name }, index) => [name, `b${index}`]));
  const roleIds = new Map(roles.map(({ name }, index) => [name, `r${index}`]));
  const environments = [...Map.groupBy(backends, ({ environment }) => environment)];
  return [
    "digraph roles {",
    "  rankdir=LR;",
    '  node [shape=box, fontname="sans-serif"];',
    ...roles.map(({ name }) => `  ${roleIds.get(name)} [label=${inDot(name)}, style=rounded];`),
    ...environments.flatMap(([environment, members], index) => [
      `  subgraph cluster_${index} {`,
      `    label=${inDot(environment)};`,
      ...members.map((backend) => {
        const border = isProduction(backend) ? ', color="#b3261e", penwidth=2' : "";
        return `    ${backendIds.get(backend.name)} [label=${inDot(backend.name, backend.access)}${border}];`;
      }),
      "  }",
    ]),
    ...cells.map(({ role, backend, grant }) => {
      const look = [
        ...(backend.access === "rw" ? ["penwidth=3"] : []),
        ...(grant.tools === null ? [] : ["style=dashed"]),
      ];
      const edge = `${roleIds.get(role.name)} -> ${backendIds.get(backend.name)}`;
      return `  ${edge}${look.length === 0 ? "" : ` [${look.join(", ")}]`};`;
    }),
    "}",
  ].join("\n");
}

/** A quoted string of these lines. In it a backslash would begin an escape, and `&` an entity. */
function inDot(...lines: readonly string[]): string {
  const escaped = lines.map((line) => visible(line).replace(/["\\]/g, "\\$&").replaceAll("&", "&amp;"));
  return `"${escaped.join("\\n")}"`;
}
