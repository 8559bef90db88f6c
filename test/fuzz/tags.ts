/**
 * A request's number and the users whose keys it carries, so that whatever reaches the backend can be held against what
 * was sent. A number that was mutated does not fit its check, and says nothing.
 */
export const TAG_HEADER = "x-fuzz";

export function tagOf(number: number): string {
  return `${number}.${check(number)}`;
}

/** The number in a tag; null when it is not one that was sent. */
export function numberOf(tag: string): number | null {
  const [, digits = "", sum] = /^(\d{1,9})\.([0-9a-z]+)$/.exec(tag) ?? [];
  return sum !== undefined && check(Number(digits)) === sum ? Number(digits) : null;
}

function check(number: number): string {
  return (Math.imul(number + 1, 0x9e3779b1) >>> 0).toString(36);
}
