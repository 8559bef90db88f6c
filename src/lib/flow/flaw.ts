import type { Finding } from "../policy/source.ts";
import type { FactDocument, Path } from "./document.ts";

/** Something among the facts that cannot be relied on; what is not there may then be there all the same. */
export interface Flaw {
  readonly document: FactDocument;
  readonly path: Path;
  readonly message: string;
}

export function flaw({ document, path }: Pick<Flaw, "document" | "path">, message: string): Flaw {
  return { document, path, message };
}

/** `what` would have to be known: a rule, a statement. */
export function flawFinding({ document, path, message }: Flaw, what: "rule" | "statement"): Finding {
  return {
    code: "MC001",
    severity: "warning",
    message,
    place: document.placeOf(path),
    length: 1,
    excerpt: null,
    hint: `Until it is mended, nothing is denied for want of a ${what}.`,
    isUnreadable: false,
  };
}
