import { describe, expect, it } from "vitest";
import { makeCurves } from "./curves";
import type { Run } from "./queries";

function run(optimizer: string, accuracies: readonly number[], best: number): Run {
  const config = {
    model_name: "bees",
    architecture: "resnet18",
    strategy: "scratch",
    optimizer: { name: optimizer },
  };
  return {
    job: { config, resolved: null, best: { epoch: 1, val_accuracy: best, val_loss: 1 } },
    history: accuracies.map((val_accuracy, index) => ({ epoch: index + 1, val_accuracy })),
    report: null,
  } as unknown as Run;
}

describe("makeCurves", () => {
  it("leaves gaps where a job has fewer epochs", () => {
    const { x, series } = makeCurves(
      [run("sgd", [0.5, 0.6], 0.6), run("sgd", [0.4], 0.4)],
      "val_accuracy",
    );
    expect(x).toEqual([1, 2]);
    expect(series.map(({ values }) => values)).toEqual([
      [0.5, 0.6],
      [0.4, null],
    ]);
  });

  it("draws a solved head as a line at its best value", () => {
    const { x, series } = makeCurves(
      [run("lbfgs", [0.8, 0.9, 0.85], 0.9), run("sgd", [0.5, 0.6], 0.6)],
      "val_accuracy",
    );
    expect(x).toEqual([1, 2]);
    expect(series[0]).toMatchObject({ dashed: true, values: [0.9, 0.9] });
  });
});
