import { Chip } from "@/ui/Chip";
import { ChoiceCards } from "@/ui/ChoiceCards";
import { STRATEGY_NAMES } from "../words";
import { STRATEGIES, type Strategy } from "./form";

const SENTENCES: Record<Strategy, string> = {
  feature_extract: "Trains only the new last layer. Fast, and steady with few images.",
  fine_tune: "Trains all layers, from the pretrained weights and a solved last layer.",
  partial: "Trains the upper layers, from one that you choose; those below stay frozen.",
  scratch: "Trains all layers from random weights. Shows what pretraining is worth.",
};

/** The four strategies with a sentence each. */
export function StrategyCards({
  value,
  advised,
  error,
  onChange,
}: {
  value: Strategy;
  advised: string | undefined;
  error: string | undefined;
  onChange: (strategy: Strategy) => void;
}) {
  return (
    <ChoiceCards
      name="strategy"
      label="Strategy"
      value={value}
      error={error}
      choices={STRATEGIES.map((strategy) => ({
        value: strategy,
        title: (
          <>
            {STRATEGY_NAMES[strategy]}
            {strategy === advised && <Chip tone="accent">advised</Chip>}
          </>
        ),
        sentence: SENTENCES[strategy],
      }))}
      onChange={onChange}
    />
  );
}
