import { isProduction, type Backend } from "../../policy/registry.ts";
import type { Matrix } from "../../policy/matrix.ts";
import { visible } from "../report/visible.ts";

/** How many lines between nodes Mermaid draws unless its configuration says more. */
export const MOST_MERMAID_EDGES = 500;

/** The matrix as a Mermaid flowchart: a box for each environment, a thick line where a role may write. */
export function mermaid({ roles, backends, cells }: Matrix): string {
  const roleIds = new Map(roles.map(({ name }, index) => [name, `r${index}`]));
  const backendIds = new Map(backends.map(({ name }, index) => [name, `b${index}`]));
  const environments = [...Map.groupBy(backends, ({ environment }) => environment)];
  return [
    "flowchart LR",
    ...roles.map(({ name }) => `  ${roleIds.get(name)}(["${inMermaid(name)}"])`),
    ...environments.flatMap(([environment, members], index) => [
      `  subgraph e${index}["${inMermaid(environment)}"]`,
      ...members.map(({ name }) => `    ${backendIds.get(name)}["${inMermaid(name)}"]`),
      "  end",
    ]),
    ...cells.map(({ role, backend, grant }) => {
      const arrow = backend.access === "rw" ? "==>" : "-->";
      const label = `${backend.access}${grant.tools === null ? "" : ", some tools"}`;
      return `  ${roleIds.get(role.name)} ${arrow}|"${label}"| ${backendIds.get(backend.name)}`;
    }),
    ...productionLines(backends, backendIds),
  ].join("\n");
}

function productionLines(backends: readonly Backend[], ids: ReadonlyMap<string, string>): readonly string[] {
  const production = backends.filter(isProduction).map(({ name }) => ids.get(name));
  if (production.length === 0) return [];
  return ["  classDef production stroke:#b3261e,stroke-width:3px", `  class ${production.join(",")} production`];
}

/** Within double quotes an entity is all that Mermaid reads; whatever could be more than text becomes one. */
function inMermaid(text: string): string {
  return visible(text).replace(/[^\p{L}\p{N} ._-]/gu, (character) => `#${character.codePointAt(0)};`);
}
