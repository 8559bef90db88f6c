/** Everything that could steer a terminal, or that nobody sees, and half a character. */
const STEERS = /[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]|\p{Surrogate}/gu;

/** A text of a server, fit to be kept in a file: one line, nothing in it hidden, of at most so many UTF-16 units. */
export function shortText(text: string, most: number): string {
  const plain = text
    .slice(0, 4 * most)
    .replace(STEERS, " ")
    .replace(/\s+/gu, " ")
    .trim();
  return plain.length <= most ? plain : `${plain.slice(0, most - 3).replace(/\p{Surrogate}$/u, "")}...`;
}

/** Is this a name that can be shown, and stand in the registry, as it is? */
export function isPlainName(text: string, most: number): boolean {
  return text !== "" && text.length <= most && shortText(text, most) === text;
}
