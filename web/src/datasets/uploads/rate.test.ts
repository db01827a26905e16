// @vitest-environment node
import { expect, it } from "vitest";
import { RateMeter } from "./rate";

it("knows nothing at the start", () => {
  expect(new RateMeter().record(0, 1000, 0)).toEqual({ speed: null, secondsLeft: null });
});

it("tells bytes per second and the seconds left", () => {
  const meter = new RateMeter();
  meter.record(0, 1000, 0);
  expect(meter.record(200, 1000, 1000)).toEqual({ speed: 200, secondsLeft: 4 });
});

it("follows a change of speed and forgets the past", () => {
  const meter = new RateMeter();
  for (let second = 0; second <= 10; second += 1) meter.record(second * 100, 10_000, second * 1000);
  let rate = meter.record(1000, 10_000, 10_000);
  for (let second = 1; second <= 6; second += 1) {
    rate = meter.record(1000 + second * 10, 10_000, 10_000 + second * 1000);
  }
  expect(rate.speed).toBeCloseTo(10, 5);
});
