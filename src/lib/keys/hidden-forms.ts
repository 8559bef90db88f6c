/** What a secret that begins with known characters looks like inside base64, for one place among its groups of three bytes. */
export interface HiddenForm {
  /** The characters that are the same for every such secret. */
  readonly start: string;
  readonly expression: string;
  /** How many characters hold the whole secret. */
  readonly length: number;
  /** The secret again; without meaning for other text. */
  readonly decode: (match: string) => string;
}

/**
 * The forms of a secret of `length` letters and digits that begins with `prefix`, after that many bytes of a group. The
 * characters that share bits with the byte before it are not part of them.
 */
export function hiddenForms(prefix: string, length: number, bytesBefore: readonly number[]): readonly HiddenForm[] {
  return bytesBefore.map((before) => {
    const skipped = Math.ceil((8 * before) / 6);
    const encoded = Buffer.from("\0".repeat(before) + prefix, "latin1").toString("base64");
    const start = encoded.slice(skipped, Math.floor((8 * (before + prefix.length)) / 6));
    const characters = Math.ceil((8 * (before + length)) / 6) - skipped;
    return {
      start,
      expression: `${start}[0-9A-Za-z]{${characters - start.length - 1}}[0-9A-Za-z+/_-]`,
      length: characters,
      decode: (match) => {
        const bytes = Buffer.from("A".repeat(skipped) + match, "base64");
        // Some bits of its first character are in a character that was skipped.
        return prefix.slice(0, 1) + bytes.subarray(before + 1, before + length).toString("latin1");
      },
    };
  });
}
