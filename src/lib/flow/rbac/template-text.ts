/** The place of something in a template of Helm, of a shell or of Flux: what it is, only rendering tells. */
const PLACE = /\{\{|\$[{(]/;

export function isTemplate(text: string): boolean {
  return PLACE.test(text);
}
