import { Lexer } from "yaml";
import type { SourceText } from "./source.ts";

/** A comment of a YAML text, and whether anything stands before it on its line. */
export interface Comment {
  /** Offset of its `#` in the text. */
  readonly at: number;
  /** From its `#` to the end of the line. */
  readonly text: string;
  readonly isAlone: boolean;
}

/** What the `yaml` lexer puts before a scalar, which may begin with a # itself. */
const SCALAR_FOLLOWS = "\u001f";

/** Every comment of this text, in order; what looks like one inside a scalar is none. */
export function commentsOf(source: SourceText): readonly Comment[] {
  if (!source.text.includes("#")) return [];
  const comments: Comment[] = [];
  let at = 0;
  let before = "";
  for (const token of new Lexer().lex(source.text)) {
    if (token.startsWith("#") && before !== SCALAR_FOLLOWS) {
      const text = token.replace(/\r$/, "");
      comments.push({ at, text, isAlone: source.text.slice(source.text.lastIndexOf("\n", at) + 1, at).trim() === "" });
    }
    // The lexer's own marks, for documents and scalars, are no part of the text.
    if (!isMark(token)) at += token.length;
    before = token;
  }
  return comments;
}

function isMark(token: string): boolean {
  return token === "\u0002" || token === "\u0018" || token === SCALAR_FOLLOWS;
}
