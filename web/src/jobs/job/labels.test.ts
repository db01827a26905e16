import { expect, it } from "vitest";
import { placeLabels } from "./labels";

const FRAME = { left: 0, right: 400, top: 0, bottom: 200 };

it("puts a label above its bar, and below it at the top", () => {
  expect(placeLabels([{ label: "resnet18", left: 10, right: 60, y: 100 }], FRAME)).toEqual([
    { x: 10, y: 91 },
  ]);
  expect(placeLabels([{ label: "resnet18", left: 10, right: 60, y: 5 }], FRAME)).toEqual([
    { x: 10, y: 23 },
  ]);
});

it("moves a label that would cover another or a bar", () => {
  const first = { label: "timm:tf_efficientnet_lite0", left: 0, right: 20, y: 100 };
  const second = { label: "squeezenet1_0", left: 20, right: 30, y: 98 };
  const third = { label: "trial", left: 40, right: 200, y: 122 };
  const [one, two, three] = placeLabels([first, second, third], FRAME);
  expect(one).toEqual({ x: 0, y: 59 });
  expect(two).toEqual({ x: 20, y: 89 });
  expect(three).toEqual({ x: 40, y: 113 });
});

it("keeps a label of a late bar inside of the frame", () => {
  const [place] = placeLabels([{ label: "0123456789", left: 390, right: 395, y: 100 }], FRAME);
  expect(place).toEqual({ x: 335, y: 91 });
});
