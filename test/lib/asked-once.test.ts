import { expect, it } from "vitest";
import { askedOnce } from "../../src/lib/asked-once.ts";

it("asks equal questions once, at the same time and later, and different ones each", async () => {
  const asked: string[] = [];
  const ask = askedOnce(async ({ name }: { readonly name: string }) => {
    asked.push(name);
    return name.toUpperCase();
  });
  expect(await Promise.all([ask({ name: "a" }), ask({ name: "a" }), ask({ name: "b" })])).toEqual(["A", "A", "B"]);
  expect([await ask({ name: "b" }), asked]).toEqual(["B", ["a", "b"]]);
});

it("gives the same failure to whoever asks again", async () => {
  let calls = 0;
  const ask = askedOnce<object, never>(async () => {
    throw new Error(`failure ${(calls += 1)}`);
  });
  const told = [ask({}), ask({})].map((answer) => answer.catch((error: Error) => error.message));
  expect(await Promise.all(told)).toEqual(["failure 1", "failure 1"]);
});
