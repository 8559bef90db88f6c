/** Simple case folding as other languages' parsers do it: the long s and the Kelvin sign are letters too. */
export function foldCase(name: string): string {
  return name.toUpperCase().toLowerCase();
}
