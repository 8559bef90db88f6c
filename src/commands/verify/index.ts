import { InvalidArgumentError, Option, type Command } from "commander";
import { isNamespaceName } from "../../lib/kubernetes-names.ts";
import type { Severity } from "../../lib/policy/source.ts";
import { withExamples, type Cli } from "../cli.ts";
import { liveLayers, liveOption, type LiveChoice } from "../live-option.ts";
import { explainRule } from "../roles/explain-rule.ts";
import { verifyPromises, type VerifyOptions } from "./verify.ts";

const FORMS = ["pretty", "compact", "json", "yaml", "github", "sarif", "junit", "markdown"] as const;
const PROBE_IMAGE = "busybox:1.37.0";
const SEVERITIES = ["error", "warning", "info"] as const satisfies readonly Severity[];

interface VerifyFlags {
  readonly servers?: true;
  readonly live?: LiveChoice;
  readonly probe?: string;
  readonly probeImage: string;
  readonly failOn: Severity;
  readonly explain?: string;
  readonly output: (typeof FORMS)[number];
}

export function registerVerify(program: Command, cli: Cli, run = verifyPromises): void {
  const command = program
    .command("verify")
    .summary("hold what the registry promises against what is so")
    .description(
      "Walk the backend registry: is each read-only backend read-only in Kubernetes and AWS, has each its own identities, " +
        "is anything cluster-admin, does a NetworkPolicy keep others than the gateway out, who can get round it, and do the " +
        "servers offer what the registry names (--servers)? From the files that mcpctl.yaml names, or live. The rules are in docs/rules.md.",
    )
    .addOption(liveOption("read the cluster, AWS IAM, or both, instead of files"))
    .option("--servers", "ask every MCP server for its tools as well")
    .option(
      "--probe <namespace>",
      "let a throw-away pod there try to reach every MCP server (with --live)",
      namespaceOf,
    )
    .option("--probe-image <image>", "image of that pod, with sh, nc, timeout and grep", PROBE_IMAGE)
    .addOption(
      new Option("--fail-on <severity>", "exit code 1 from this severity on").choices(SEVERITIES).default("error"),
    )
    .option("--explain <code>", "print a rule's page")
    .addOption(new Option("-o, --output <form>", "form of the output").choices(FORMS).default("pretty"))
    .action(async (flags: VerifyFlags) => {
      const result = flags.explain === undefined ? await run(optionsOf(flags), cli.ports) : explainRule(flags.explain);
      await cli.show(result, flags.output === "pretty" ? "text" : flags.output);
    })
    .addHelpText(
      "after",
      "\nExit codes: 0 as promised, or nothing at --fail-on or above; 1 findings; 3\nunusable file; 7 what was asked cannot be decided.",
    );
  withExamples(command, "mcpctl verify --servers -o sarif", "mcpctl verify --live --probe default");
}

function namespaceOf(text: string): string {
  if (isNamespaceName(text)) return text;
  throw new InvalidArgumentError("It must be the name of a namespace.");
}

function optionsOf({ servers, live, probe, probeImage, failOn }: VerifyFlags): VerifyOptions {
  return {
    servers: servers === true,
    live: liveLayers({ live }),
    probe: probe === undefined ? null : { namespace: probe, image: probeImage },
    failOn,
  };
}
