import type { ToolNeeds } from "../../policy/registry.ts";
import { canonical } from "./canonical.ts";
import type { ToolEdit } from "./needs-lines.ts";
import type { ImportPlan, ToolChange } from "./plan-import.ts";

/** What would a catalogue's exact entries add to what the registry says of a backend's tools? What a person wrote stays. */
export function planCatalogue(
  tools: Readonly<Record<string, ToolNeeds>>,
  catalogue: Readonly<Record<string, ToolNeeds>>,
): ImportPlan {
  const before = new Map(Object.entries(tools));
  const changes: ToolChange[] = [];
  const edits = new Map<string, ToolEdit>();
  let unchanged = 0;
  for (const [tool, needs] of Object.entries(catalogue)) {
    const old = before.get(tool);
    if (old?.kubernetes === undefined && old?.aws === undefined) {
      const kind = old === undefined ? "added" : "changed";
      changes.push({ tool, kind, isEdited: false, detail: needsWords(needs) });
      edits.set(tool, old?.beyond === undefined ? needs : { ...needs, beyond: old.beyond });
    } else if (isSame(old, needs)) unchanged += 1;
    else {
      const detail = `has an exact entry already; the catalogue says: ${needsWords(needs)}`;
      changes.push({ tool, kind: "kept", isEdited: false, detail });
    }
  }
  return { changes, edits, unchanged };
}

function isSame(one: ToolNeeds, other: ToolNeeds): boolean {
  const content = ({ kubernetes = [], aws = [], beyond }: ToolNeeds): string =>
    JSON.stringify(canonical({ kubernetes, aws, beyond }));
  return content(one) === content(other);
}

/** `get pods/log, ec2:DescribeInstances; then the grants of the user decide`. */
function needsWords({ kubernetes = [], aws = [], beyond }: ToolNeeds): string {
  const words = [
    ...kubernetes.map((need) => {
      if ("manifest" in need) return `${need.verb} ${need.manifest}`;
      return `${need.verb} ${"kind" in need ? need.kind : need.resource}`;
    }),
    ...aws.map(({ action }) => action),
  ];
  const told = words.length === 0 ? "nothing of Kubernetes and AWS" : words.join(", ");
  return beyond === undefined ? told : `${told}; then decides: ${beyond}`;
}
