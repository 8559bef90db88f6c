import { expect, it } from "vitest";
import { reachedServers } from "../../../../src/lib/flow/verify/reached.ts";
import type { ProbeOutcome, VerifySubject } from "../../../../src/lib/flow/verify/subject.ts";
import { readRegistry } from "../../../../src/lib/policy/registry.ts";

const entry = (name: string): string =>
  `  ${name}: { service: s, environment: stage, access: ro, owner: me, url: "http://${name}.mcp.svc" }\n`;
const { registry, source } = readRegistry("backends.yaml", Buffer.from(`backends:\n${entry("one")}${entry("two")}`));
const subject: VerifySubject = {
  registry,
  registrySource: source,
  cluster: null,
  iam: null,
  gatewayNamespace: null,
  offered: null,
  reached: null,
};

it("a server that a pod reached is a finding at its line, one that was kept out is none", () => {
  const reached = new Map<string, ProbeOutcome>([
    ["one", "kept-out"],
    ["two", "reached"],
  ]);
  expect(reachedServers({ ...subject, reached })).toEqual({
    findings: [
      {
        code: "MC606",
        severity: "error",
        message: `a pod that is not the gateway's can connect to "two"`,
        place: { file: "backends.yaml", line: 3, column: 3 },
        length: 3,
        excerpt: entry("two").trimEnd(),
        hint: "Let the gateway's pods alone in (`mcpctl init` writes such a NetworkPolicy), and see whether the network plugin enforces it.",
        isUnreadable: false,
      },
    ],
    undecided: [],
    skipped: [],
  });
});

it("what nobody could tell, or tried, is undecided", () => {
  const reached = new Map<string, ProbeOutcome>([["one", { undecided: "a pod must be ready" }]]);
  expect(reachedServers({ ...subject, reached })).toEqual({
    findings: [],
    undecided: [
      { code: "MC606", about: "one", missing: ["a pod must be ready"] },
      { code: "MC606", about: "two", missing: ["it must be tried from a pod"] },
    ],
    skipped: [],
  });
});

it("without a try nothing is said", () => {
  expect(reachedServers(subject)).toEqual({ findings: [], undecided: [], skipped: [] });
});
