// @vitest-environment node
import { expect, it } from "vitest";
import { chooseArchitecture } from "./architectures";

function architecture(name: string, num_parameters: number, isLocal: boolean) {
  const availability: "local" | "unavailable" = isLocal ? "local" : "unavailable";
  return { name, num_parameters, weights: [{ availability }] };
}

it("prefers the service's default", () => {
  const all = [architecture("squeezenet1_0", 1, true), architecture("resnet18", 11, true)];
  expect(chooseArchitecture(all)).toBe("resnet18");
});

it("takes the smallest with weights if the default has none", () => {
  const all = [
    architecture("resnet18", 11, false),
    architecture("resnet50", 25, true),
    architecture("squeezenet1_0", 1, true),
    architecture("mobilenet_v2", 0.5, false),
  ];
  expect(chooseArchitecture(all)).toBe("squeezenet1_0");
});

it("names the default where no weights are there, so that the service explains it", () => {
  expect(chooseArchitecture([architecture("squeezenet1_0", 1, false)])).toBe("resnet18");
});
