import { expect, test } from "vitest";
import { callOfCreate, toPython } from "./calls";

test("a request becomes calls that a shell and Python can read", () => {
  const { curl, python, cli } = callOfCreate({
    dataset_id: "ds_1",
    preset: "recommended",
    seed: 0,
    strategy: "fine_tune",
    optimizer: { name: "sgd", learning_rate: 0.01 },
    ema: null,
    metadata: { note: "it's" },
  });
  expect(curl).toContain(`"note": "it'\\''s"`);
  expect(python).toContain('optimizer={"name": "sgd", "learning_rate": 0.01},');
  expect(python).toContain("ema=None,");
  expect(cli).toContain("graft train ds_1 --preset recommended");
  expect(cli).toContain("--strategy fine_tune");
  expect(cli).toContain(`--set 'optimizer={"name":"sgd","learning_rate":0.01}'`);
});

test("values become Python literals", () => {
  expect(toPython([true, null, "a"])).toBe('[True, None, "a"]');
});

test("writes a null as a setting, because options take no null", () => {
  const { cli } = callOfCreate({
    dataset_id: "ds_1",
    epochs: null,
  } as unknown as Parameters<typeof callOfCreate>[0]);
  expect(cli).toBe("graft train ds_1 --set epochs=null --watch");
});
