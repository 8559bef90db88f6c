import type { Declared, ToolNeeds } from "../../policy/registry.ts";
import { plural } from "../../plural.ts";
import { declarationDigest, isEdited } from "./declaration-digest.ts";
import type { ToolEdit } from "./needs-lines.ts";
import type { ToolList } from "./tool-list.ts";

export interface ToolChange {
  readonly tool: string;
  /** `kept`: the server says otherwise, and what a person wrote stays. */
  readonly kind: "added" | "changed" | "gone" | "kept";
  /** For people: what of it. */
  readonly detail: string;
  /** Whether a declaration that was edited by hand stays. */
  readonly isEdited: boolean;
}

export interface ImportPlan {
  readonly changes: readonly ToolChange[];
  readonly edits: ReadonlyMap<string, ToolEdit>;
  /** How many tools stay as they are. */
  readonly unchanged: number;
}

export interface ImportWishes {
  /** Tools whose declaration holds a comment. */
  readonly commented: ReadonlySet<string>;
  readonly replacesEdited: boolean;
}

/** What would an import of this list change in what the registry says of the backend's tools? */
export function planImport(
  tools: Readonly<Record<string, ToolNeeds>>,
  listed: ToolList,
  { commented, replacesEdited }: ImportWishes,
): ImportPlan {
  const before = new Map(Object.entries(tools));
  const changes: ToolChange[] = [];
  const edits = new Map<string, ToolEdit>();
  const isKept = (tool: string, { declared }: ToolNeeds): boolean =>
    !replacesEdited && declared !== undefined && (isEdited(declared) || commented.has(tool));
  for (const [tool, { declared }] of listed.tools) {
    const old = before.get(tool);
    const digest = declarationDigest(declared);
    if (old?.declared?.digest === digest && !isEdited(old.declared)) continue;
    if (old !== undefined && isKept(tool, old)) {
      changes.push({
        tool,
        kind: "kept",
        isEdited: true,
        detail: `edited by hand; the server says: ${declaredWords(declared)}`,
      });
      continue;
    }
    const kind = old === undefined ? "added" : "changed";
    changes.push({ tool, kind, isEdited: false, detail: changeWords(old?.declared, declared) });
    edits.set(tool, { declared: { digest, ...declared } });
  }
  for (const [tool, old] of before) {
    if (listed.tools.has(tool)) continue;
    const kept = isKept(tool, old);
    changes.push({ tool, kind: "gone", isEdited: kept, detail: goneWords(old, kept) });
    if (old.declared !== undefined && !kept) edits.set(tool, { declared: null });
  }
  const unchanged = listed.tools.size - changes.filter(({ kind }) => kind !== "gone").length;
  return { changes, edits, unchanged };
}

function changeWords(before: Declared | undefined, now: Declared): string {
  if (before === undefined) return declaredWords(now);
  const [old, fresh] = [declaredWords(before), declaredWords(now)];
  return old === fresh ? `${fresh}, in other words` : `${old} -> ${fresh}`;
}

/** `reads only; at most 2 requests to Kubernetes`: what a server says, in a few words. */
function declaredWords({ readOnly, destructive, bounds }: Declared): string {
  const words: string[] = [];
  if (readOnly !== undefined) words.push(readOnly ? "reads only" : "writes");
  if (destructive !== undefined && readOnly !== true) words.push(destructive ? "destructive" : "not destructive");
  if (bounds !== undefined && "unbounded" in bounds) words.push(`anything in Kubernetes (${bounds.unbounded})`);
  else if (bounds !== undefined) {
    const { length } = bounds.kubernetes;
    words.push(length === 0 ? "nothing of Kubernetes" : `at most ${plural(length, "request")} to Kubernetes`);
  }
  return words.join("; ") || "nothing said";
}

function goneWords({ declared, kubernetes, aws, beyond }: ToolNeeds, isKept: boolean): string {
  if (isKept) return "the server does not list it; its declaration, edited by hand, stays";
  const rest = kubernetes ?? aws ?? beyond;
  if (declared === undefined) return "the server does not list it; its entry stays";
  return rest === undefined ? "the server does not list it" : "the server does not list it; what a person wrote stays";
}
