import { expect, it } from "vitest";
import { forwardOnly } from "../../src/gateway/state/clock.ts";

it("a wall clock that is set back stands still until it has caught up", () => {
  const times = [100, 250, 120, 249, 251];
  const now = forwardOnly(() => times.shift() ?? 0);
  expect([now(), now(), now(), now(), now()]).toEqual([100, 250, 250, 250, 251]);
});
