/** The grammar of every name in the product (design section 3): anchored, ASCII only, 63 characters at most. */
export const NAME_PATTERNS = {
  role: "^[a-z0-9][a-z0-9._-]{0,62}$",
  user: "^[a-z0-9][a-z0-9._@-]{0,62}$",
  backend: "^[a-z0-9][a-z0-9-]{0,62}$",
} as const;

const ROLE = new RegExp(NAME_PATTERNS.role);
const USER = new RegExp(NAME_PATTERNS.user);
const BACKEND = new RegExp(NAME_PATTERNS.backend);

export function isRoleName(text: string): boolean {
  return ROLE.test(text);
}

export function isUserName(text: string): boolean {
  return USER.test(text);
}

export function isBackendName(text: string): boolean {
  return BACKEND.test(text);
}

/** The sentence that tells a person what a name may look like. */
export const NAME_RULES = {
  role: "1 to 63 of a-z 0-9 . _ -, beginning with a letter or digit",
  user: "1 to 63 of a-z 0-9 . _ @ -, beginning with a letter or digit",
  backend: "1 to 63 of a-z 0-9 -, beginning with a letter or digit",
} as const;
