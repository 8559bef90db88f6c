/** What XML 1.0 allows: names, attributes in double quotes, and texts with the five entities or numbers of characters. */
const TOKEN =
  /<\?xml [^?]*\?>|<(\/?)([A-Za-z][\w.-]*)((?:\s+[A-Za-z_:][\w:.-]*="(?:[^<&"]|&(?:amp|lt|gt|quot|apos|#\d+);)*")*)\s*(\/?)>|(?:[^<&]|&(?:amp|lt|gt|quot|apos|#\d+);)+/gy;
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/u;

/** Why this is no well-formed XML document, in few words; null when it is one. No comments, CDATA or doctypes are expected. */
export function xmlProblem(text: string): string | null {
  if (FORBIDDEN.test(text)) return "holds a character that XML cannot";
  const open: string[] = [];
  let roots = 0;
  let at = 0;
  for (const match of text.matchAll(TOKEN)) {
    at = match.index + match[0].length;
    const [whole, closing, name = "", attributes = "", empty] = match;
    if (!whole.startsWith("<")) {
      if (open.length === 0 && whole.trim() !== "") return `text outside the root at ${match.index}`;
      continue;
    }
    if (whole.startsWith("<?")) continue;
    const names = [...attributes.matchAll(/([\w:.-]+)="/g)].map((each) => each[1]);
    if (new Set(names).size < names.length) return `an attribute twice at ${match.index}`;
    if (closing === "/") {
      if (open.pop() !== name) return `</${name}> closes another at ${match.index}`;
    } else {
      if (open.length === 0) roots += 1;
      if (empty !== "/") open.push(name);
    }
  }
  if (at < text.length) return `cannot be read at ${at}: ${text.slice(at, at + 40)}`;
  return open.length > 0 || roots !== 1 ? `${open.length} left open, ${roots} roots` : null;
}
