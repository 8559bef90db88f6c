import type { Finding } from "../policy/source.ts";
import type { PolicyTest } from "../policy/tests/policy-test.ts";
import type { Registry } from "../policy/registry.ts";
import { nearest } from "../suggest.ts";
import { argumentsOf } from "./tool-need.ts";

/** Arguments of expectations that nothing uses: misspelt, they leave unsaid what was meant, and the test is of something else. */
export function strayArguments(tests: readonly PolicyTest[], registry: Registry): readonly Finding[] {
  return tests.flatMap((test) => {
    if (test.kind !== "case") return [];
    const { backend: name, tool, args, place } = test.expectation;
    const backend = registry.get(name);
    // Of a tool that the registry does not name nobody knows what it uses.
    if (backend === undefined || tool === null || backend.tools?.[tool] === undefined) return [];
    const used = argumentsOf(backend, tool);
    return [...args.keys()].filter((each) => !used.has(each)).map((each) => stray(each, { tool, used, place }));
  });
}

function stray(
  name: string,
  { tool, used, place }: Pick<Finding, "place"> & { readonly tool: string; readonly used: ReadonlySet<string> },
): Finding {
  const near = nearest(name, used);
  return {
    code: "MC002",
    severity: "error",
    message: `what the registry says of ${tool} uses no argument "${name}"`,
    place,
    length: 1,
    excerpt: null,
    hint: near === null ? "Take it out, or say in the registry what it is for." : `Did you mean ${near}?`,
    isUnreadable: true,
  };
}
