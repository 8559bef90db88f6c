import { SaxesParser } from "saxes";

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  /** The text within, that of its children left out; trimmed. */
  readonly text: string;
}

/**
 * The root element of a document.
 * @throws Error where it is not well-formed XML 1.0.
 */
export function readXml(document: string): Element {
  const parser = new SaxesParser();
  const open: { name: string; attributes: Record<string, string>; children: Element[]; text: string }[] = [
    { name: "", attributes: {}, children: [], text: "" },
  ];
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("opentag", ({ name, attributes }) => open.push({ name, attributes, children: [], text: "" }));
  parser.on("text", (text) => {
    (open.at(-1) as { text: string }).text += text;
  });
  parser.on("closetag", () => {
    const closed = open.pop() as Element;
    open.at(-1)?.children.push({ ...closed, text: closed.text.trim() });
  });
  parser.write(document).close();
  return open[0]?.children[0] as Element;
}
