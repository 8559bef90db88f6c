import { describe, expect, it } from "vitest";
import { differences } from "../../../src/lib/deploy/differences.ts";

describe("differences", () => {
  it.each([
    ["the same", { a: { b: [1, "x", true] } }, { a: { b: [1, "x", true] } }],
    ["fields that the cluster adds, in items as well", { a: [{ b: 1 }] }, { a: [{ b: 1, c: 2 }], d: 3 }],
    ["a list without items that the API leaves out", { a: [] }, {}],
    ["null for what is not there", { a: null }, {}],
  ])("are none for %s", (_what, wanted, found) => {
    expect(differences(wanted, found)).toEqual([]);
  });

  it.each([
    ["a value", { a: { b: 1 } }, { a: { b: 2 } }, { path: "a.b", wanted: 1, found: 2 }],
    ["a type", { a: "1" }, { a: 1 }, { path: "a", wanted: "1", found: 1 }],
    ["a field that is missing", { a: 0 }, {}, { path: "a", wanted: 0, found: null }],
    ["false where nothing is said", { a: false }, {}, { path: "a", wanted: false, found: null }],
    ["an empty selector where there is none", { a: {} }, {}, { path: "a", wanted: {}, found: null }],
    ["an item", { a: [{ b: 1 }, { b: 2 }] }, { a: [{ b: 1 }, { b: 3 }] }, { path: "a[1].b", wanted: 2, found: 3 }],
    ["an item more", { a: [1] }, { a: [1, 2] }, { path: "a", wanted: [1], found: [1, 2] }],
    ["an item more than none", { a: [] }, { a: [1] }, { path: "a", wanted: [], found: [1] }],
    ["a list for a map", { a: { b: 1 } }, { a: [1] }, { path: "a", wanted: { b: 1 }, found: [1] }],
    ["a name with a dot", { a: { "b.c": 1 } }, { a: {} }, { path: 'a["b.c"]', wanted: 1, found: null }],
    ["a name that every object has", { toString: "x" }, {}, { path: "toString", wanted: "x", found: null }],
  ])("tell of %s", (_what, wanted, found, difference) => {
    expect(differences(wanted, found)).toEqual([difference]);
  });
});
