const STEERS = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** The text with everything that could steer a terminal (C0, C1, bidirectional controls) made visible as an escape. */
export function printable(text: string): string {
  return text.replace(STEERS, escaped);
}

/** The same for a line of a file, whose tabs stay. */
export function printableLine(line: string): string {
  return line.split("\t").map(printable).join("\t");
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
