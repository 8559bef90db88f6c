import type { Backend } from "../../policy/registry.ts";
import {
  findingOf,
  skipped,
  together,
  verified,
  type OfferedTool,
  type Verified,
  type VerifySubject,
} from "./subject.ts";

/** Does the registry name what the servers list, and does a read-only backend offer tools that call themselves destructive? */
export function offeredTools(subject: VerifySubject): Verified {
  const { registry, offered } = subject;
  const backends = [...registry.values()];
  const destructive = backends
    .filter(({ access }) => access === "ro")
    .map((backend) => destructiveTools(subject, backend));
  if (offered === null) return together([...destructive, skipped(["MC608", "MC609"], "no server asked (--servers)")]);
  return together([...destructive, ...backends.map((backend) => comparedTools(subject, backend))]);
}

function destructiveTools(subject: VerifySubject, backend: Backend): Verified {
  const offered = new Map(subject.offered?.get(backend.name)?.map(({ name, declared }) => [name, declared]));
  const named = Object.entries(backend.tools ?? {});
  for (const [name, { declared }] of named)
    if (!offered.has(name) && declared !== undefined) offered.set(name, declared);
  const bad = [...offered].filter(([, declared]) => declared.destructive === true && declared.readOnly !== true);
  return verified({
    findings: bad.map(([tool]) =>
      findingOf("MC610", subject, spotOf(backend, tool), [
        `"${backend.name}" is ro, and its server calls the tool ${tool} destructive`,
        "Start the server read-only, narrow the grants to other tools, or say access: rw.",
      ]),
    ),
  });
}

function comparedTools(subject: VerifySubject, backend: Backend): Verified {
  const offered = subject.offered?.get(backend.name);
  if (offered === undefined)
    return verified({
      undecided: ["MC608", "MC609"].map((code) => ({ code, about: backend.name, missing: ["its server must answer"] })),
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
