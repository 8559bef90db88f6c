import type { Backend, Declared } from "../../policy/registry.ts";
import {
  findingOf,
  skipped,
  together,
  verified,
  type OfferedTool,
  type Undecided,
  type Verified,
  type VerifySubject,
} from "./subject.ts";

/** Does the registry name what the servers list, and does a read-only backend offer tools that call themselves destructive? */
export function offeredTools(subject: VerifySubject): Verified {
  const backends = [...subject.registry.values()];
  const readOnly = backends.filter(({ access }) => access === "ro");
  const destructive = readOnly.map((backend) => destructiveTools(subject, backend));
  if (subject.offered !== null)
    return together([...destructive, ...backends.map((backend) => comparedTools(subject, backend))]);
  const isJudged = readOnly.every(isDeclared) || destructive.some(({ findings }) => findings.length > 0);
  const unasked = isJudged ? ["MC608", "MC609"] : ["MC608", "MC609", "MC610"];
  return together([...destructive, skipped(unasked, "no server asked (--servers)")]);
}

/** Did its server say of each tool what it is, once? */
function isDeclared({ tools = {} }: Backend): boolean {
  const all = Object.values(tools);
  return all.length > 0 && all.every(({ declared }) => declared !== undefined);
}

/** By what the server says now, or where nobody could ask it, by what it said when the registry was filled. */
function destructiveTools(subject: VerifySubject, backend: Backend): Verified {
  const listed = subject.offered?.get(backend.name);
  const tools = listed ?? Object.entries(backend.tools ?? {}).map(([name, { declared }]) => ({ name, declared }));
  const findings = tools.flatMap(({ name, declared }) => {
    const what = destruction(declared ?? {}, name);
    if (what === null) return [];
    return [
      findingOf("MC610", subject, spotOf(backend, name), [
        `"${backend.name}" is ro, and its server ${what}`,
        "Start the server read-only, narrow the grants to other tools, or say access: rw.",
      ]),
    ];
  });
  const isOpen = subject.offered !== null && listed === undefined && findings.length === 0;
  return verified({ findings, undecided: isOpen ? [unanswered("MC610", backend)] : [] });
}

/** Of a tool that says to write, MCP takes it that it destroys unless it says otherwise (MCP, ToolAnnotations). */
function destruction({ readOnly, destructive }: Declared, tool: string): string | null {
  if (readOnly === true || destructive === false) return null;
  if (destructive === true) return `calls the tool ${tool} destructive`;
  return readOnly === false ? `says that the tool ${tool} writes, and not that it is not destructive` : null;
}

function unanswered(code: string, { name }: Backend): Undecided {
  return { code, about: name, missing: ["its server must answer"] };
}

function comparedTools(subject: VerifySubject, backend: Backend): Verified {
  const offered = subject.offered?.get(backend.name);
  if (offered === undefined)
    return verified({
      undecided: ["MC608", "MC609"].map((code) => unanswered(code, backend)),
    });
  const listed = new Set(offered.map(({ name }: OfferedTool) => name));
  const named = Object.keys(backend.tools ?? {});
  return verified({
    findings: [
      ...named
        .filter((tool) => !listed.has(tool))
        .map((tool) =>
          findingOf("MC608", subject, spotOf(backend, tool), [
            `the server of "${backend.name}" lists no tool ${tool}`,
            "Remove it from the registry, or see whether the server was changed.",
          ]),
        ),
      ...[...listed]
        .filter((tool) => !named.includes(tool))
        .map((tool) =>
          findingOf("MC609", subject, backend, [
            `the server of "${backend.name}" lists a tool ${tool} that the registry does not name`,
            `Run \`mcpctl backends import ${backend.name}\`.`,
          ]),
        ),
    ],
  });
}

function spotOf({ name, place, toolPlaces }: Backend, tool: string): Pick<Backend, "name" | "place"> {
  const at = toolPlaces?.get(tool);
  return at === undefined ? { name, place } : { name: tool, place: at };
}
