import { isRoleName } from "../names.ts";

export interface NameMisfit {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

const NAME_HINT = "Names are 1 to 63 of a-z, 0-9 and - (roles and users also . _), beginning with a letter or digit.";

/** What went wrong with a text that should be the name of a role or a backend? `where` is how a person calls its place. */
export function nameMisfit(text: string, where: string): NameMisfit {
  const shown = `"${text.slice(0, 80)}"`;
  if (/\S\s+\S/.test(text)) {
    return {
      code: "MC107",
      message: `${shown} in ${where} is read as one name`,
      hint: "A dash before the second part, or its indentation, is missing.",
    };
  }
  if (/[a-z0-9]#/.test(text)) {
    return {
      code: "MC108",
      message: `${shown} in ${where} is read as a name, the # included`,
      hint: "Put a space before the #.",
    };
  }
  if (/[*?[\]{}]/.test(text)) {
    return {
      code: "MC305",
      message: `${shown} in ${where} is no name: there are no wildcards`,
      hint: "Name each one.",
    };
  }
  const foreign = /[^\u0021-\u007e]/u.exec(text);
  if (foreign !== null) return foreignCharacter(shown, where, foreign[0]);
  if (/[/:]/.test(text)) {
    return {
      code: "MC205",
      message: `${shown} in ${where} is no name: / and : separate parts of a key's record`,
      hint: NAME_HINT,
    };
  }
  const lower = text.toLowerCase();
  return lower !== text && isRoleName(lower)
    ? { code: "MC203", message: `${shown} in ${where} is no name: names are in lower case`, hint: `Write ${lower}.` }
    : { code: "MC002", message: `${shown} in ${where} is not a valid name`, hint: NAME_HINT };
}

function foreignCharacter(shown: string, where: string, character: string): NameMisfit {
  const code = (character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, "0");
  return {
    code: "MC204",
    message: `${shown} in ${where} is no name: it holds U+${code}, which is not what it looks like, or cannot be seen`,
    hint: "Type the name again in plain letters a-z.",
  };
}
