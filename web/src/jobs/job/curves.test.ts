import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { makeCurves } from "./curves";

const row = (epoch: number, isBest = false) =>
  ({
    epoch,
    train_loss: epoch,
    val_loss: epoch / 2,
    train_accuracy: 0,
    val_accuracy: 0,
    val_balanced_accuracy: null,
    is_best: isBest,
  }) as Schemas["EpochRow"];

test("epochs are the x axis", () => {
  const curves = makeCurves([row(1), row(5, true), row(9)], null);
  expect(curves.x).toEqual([1, 5, 9]);
  expect(curves.best).toBe(5);
});

test("a solved head is drawn by L2 strength, from the smallest", () => {
  const curves = makeCurves([row(1), row(2, true), row(3)], [1, 0.3, 0.1]);
  expect(curves.x).toEqual([0.1, 0.3, 1]);
  expect(curves.trainLoss).toEqual([3, 2, 1]);
  expect(curves.best).toBe(0.3);
});

test("no row is the best while the solved head has not been beaten", () => {
  expect(makeCurves([row(1)], null).best).toBeNull();
});
