import { Option, type Command } from "commander";
import type { Config, Context } from "../../lib/config/config.ts";
import type { Format, View } from "../../lib/output/view.ts";
import { withExamples, type Cli } from "../cli.ts";
import type { Ports } from "../ports.ts";
import type { Result } from "../result.ts";
import { storeWords } from "./store-words.ts";

export function registerList(context: Command, cli: Cli, run = listContexts): void {
  const command = context
    .command("list")
    .summary("list contexts and where they come from")
    .description("List the contexts of the project's mcpctl.yaml and of your own file, the current one marked.")
    .addOption(new Option("-o, --output <form>", "form of the output").choices(["table", "json", "yaml", "name"]))
    .action(async (options: { output?: Format }) => cli.show(await run(cli.ports), options.output ?? null));
  withExamples(command, "mcpctl context list", "mcpctl context list -o json");
}

/** A context in `-o json` (schemas/output/context-list.schema.json). */
interface ContextData {
  readonly name: string;
  readonly is_current: boolean;
  readonly store: Readonly<Record<string, string>>;
  readonly cluster: { readonly context: string; readonly namespace: string; readonly uid: string } | null;
  readonly gateway: string;
  /** Null for the context that is built in. */
  readonly file: string | null;
}

export async function listContexts(ports: Pick<Ports, "config" | "label">): Promise<Result> {
  const config = await ports.config();
  const current = currentName(config);
  const data = config.contexts.map((context) =>
    contextData(context, context.name === current, fileOf(config, context)),
  );
  return { view: listView(data, config, ports.label), notes: remarks(config, current) };
}

/** The one that a command would act in, whether it exists or not; null when none is chosen. */
function currentName({ contexts, currentContext }: Config): string | null {
  const [only] = contexts;
  return currentContext ?? (contexts.length === 1 && only !== undefined ? only.name : null);
}

function fileOf({ sources }: Config, { name }: Context): string | null {
  return sources.find(({ contexts }) => contexts.includes(name))?.path ?? null;
}

function contextData(context: Context, isCurrent: boolean, file: string | null): ContextData {
  const { name, store, kubernetes, gateway } = context;
  return {
    name,
    is_current: isCurrent,
    store:
      store.type === "file"
        ? { type: store.type, path: store.path }
        : { type: store.type, path: store.path, region: store.region, account: store.account },
    cluster:
      kubernetes === null
        ? null
        : { context: kubernetes.context, namespace: kubernetes.namespace, uid: kubernetes.cluster },
    gateway: gateway.url,
    file,
  };
}

function listView(data: readonly ContextData[], config: Config, label: Ports["label"]): View {
  const rows = data.map(({ name, is_current: isCurrent, cluster, gateway, file }, index) => [
    isCurrent ? "*" : "",
    name,
    storeWords((config.contexts[index] as Context).store, label),
    cluster === null ? "-" : `${cluster.context}/${cluster.namespace}`,
    gateway,
    file === null ? "built in" : label(file),
  ]);
  return {
    data,
    table: { columns: ["CURRENT", "NAME", "STORE", "CLUSTER", "GATEWAY", "FILE"], rows },
    names: data.map(({ name }) => name),
  };
}

function remarks({ contexts, chosen }: Config, current: string | null): readonly string[] {
  if (current === null) return ["No context is current: choose one with `mcpctl context use NAME`."];
  const notes = chosen === null ? [] : [`${current} is current because ${chosen.by} says so.`];
  const isKnown = contexts.some(({ name }) => name === current);
  return isKnown ? notes : [...notes, `Warning: there is no context "${current}"; commands refuse to act.`];
}
