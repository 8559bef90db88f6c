import { Argument, Option, type Command } from "commander";
import type { Format } from "../../lib/output/view.ts";
import { withExamples, type Cli } from "../cli.ts";
import { LIVE_LAYERS, type LiveLayer } from "../live.ts";
import { snapshot } from "./snapshot.ts";

interface SnapshotFlags {
  readonly out: string;
  readonly output?: Format;
}

export function registerSnapshot(program: Command, cli: Cli, run = snapshot): void {
  const command = program
    .command("snapshot")
    .summary("write what the cluster and AWS IAM say into files, for offline answers")
    .description(
      "Write what decides in Kubernetes and in AWS IAM into kubernetes.json and aws.json, which policy.manifests and " +
        "policy.iam of mcpctl.yaml may name: RBAC, ServiceAccounts, NetworkPolicies, Services, pods and kinds; roles, their policies " +
        "and boundaries. Never a Secret, nor what a pod is given. A kind that may not be read is told, and nothing is then " +
        "denied for want of it.",
    )
    .addArgument(new Argument("[layer]", "this layer alone").choices(LIVE_LAYERS))
    .option("--out <folder>", "where the files go; snapshots that are there are replaced", "snapshot")
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["text", "json", "yaml"]))
    .action(async (layer: LiveLayer | undefined, { out, output }: SnapshotFlags) =>
      cli.show(await run({ layers: layer === undefined ? LIVE_LAYERS : [layer], out }, cli.ports), output ?? null),
    )
    .addHelpText(
      "after",
      "\nExit codes: 0 written; 3 another cluster or account; 4 not permitted; 5 cannot\nbe reached.",
    );
  withExamples(command, "mcpctl snapshot", "mcpctl snapshot kubernetes --context prod --out facts");
}
