/** What would decide, in sentences: the arguments that are not known, of which some are none that a call has. */
export function missingArguments(names: readonly string[]): readonly string[] {
  return names.map((name) =>
    // No argument is called so: it stands for what the server chooses, like `{any namespace}`.
    name.includes(" ")
      ? `${name} may be meant, for no argument tells which`
      : `the argument ${name} decides (--arg ${name}=VALUE)`,
  );
}
