import type { Command } from "commander";
import { withExamples, type Cli } from "./cli.ts";

export function registerDemo(program: Command, cli: Cli): void {
  const command = program
    .command("demo")
    .summary("the whole story on this machine")
    .description(
      "Run the main job here: store, key, gateway, three MCP servers, an incident, a revocation. Nothing is left behind.",
    )
    .action(async () => {
      const { demo } = await import("../demo/demo.ts");
      await cli.show(await demo(cli.ports), null);
    });
  withExamples(command, "mcpctl demo", "npm run demo");
}
